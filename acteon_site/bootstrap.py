"""Makes the secrets of a new installation: `python -m acteon_site.bootstrap`. Needs no Django.

Writes `var/acteon.env` (or the file that ACTEON_ENV_FILE names), readable by its owner alone. A value that is
already there is never changed: losing FERNET_KEYS would make every stored order unreadable.
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRETS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "FERNET_KEYS": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "APPROVAL_KEYS": lambda: f"k1={secrets.token_hex(32)}",
    "LOOKUP_HASH_KEY": lambda: secrets.token_hex(32),
}


def env_path() -> Path:
    """The file with the secrets of this installation."""
    return Path(os.environ.get("ACTEON_ENV_FILE") or BASE_DIR / "var" / "acteon.env")


def bootstrap(path: Path) -> list[str]:
    """Create `path` or add what it lacks; answers the names that were added.

    Raises OSError where the directory cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.with_name(path.name + ".lock")):
        text = path.read_text() if path.exists() else ""
        missing = [name for name in SECRETS if name not in _names(text)]
        if missing:
            _replace(path, _joined(text, missing))
        return missing


def _names(text: str) -> set[str]:
    pairs = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {name.removeprefix("export ").strip() for name, _, value in pairs if value.strip()}


def _joined(text: str, missing: list[str]) -> str:
    head = text if not text or text.endswith("\n") else text + "\n"
    return head + "".join(f"{name}={SECRETS[name]()}\n" for name in missing)


def _replace(path: Path, text: str) -> None:
    # mkstemp makes the file 0600, and the rename shows either the old file or the whole new one.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    Path(temporary).replace(path)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def main() -> int:
    path = env_path()
    try:
        added = bootstrap(path)
    except OSError as error:
        sys.stderr.write(f"{path}: {error.strerror}. Make the directory writable or set ACTEON_ENV_FILE.\n")
        return 1
    if added:
        sys.stdout.write(f"Secrets written to {path}: {', '.join(added)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
