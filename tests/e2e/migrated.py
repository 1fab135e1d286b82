"""A SQLite database with every table, for systems whose tests are not about making them.

Made once in a run of the suite, by the first who needs one; a fresh system spends half of its start on that.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


shared: Path | None = None  # a directory of all processes of the run; tests/conftest.py says which


def put_tables(database: Path, secrets: str) -> None:
    shutil.copyfile(_template(secrets), database)


def _template(secrets: str) -> Path:
    assert shared is not None
    made = shared / "tables.sqlite3"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(made, secrets)
    return made


def _make(made: Path, secrets: str) -> None:
    begun = made.with_suffix(".begun")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ACTEON_", "REDIS_"))}
    env |= {"ACTEON_ENV_FILE": secrets, "DATABASE_URL": f"sqlite:///{begun}"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=env, check=True)
    begun.rename(made)
