"""What a row is run against: this working tree, another directory, or a commit that is checked out for the time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.gateway import ROOT

PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;#]+)", re.M)


@dataclass(frozen=True)
class Checkout:
    name: str  # "baseline" or "new"
    root: Path
    commit: str  # with a + where the tree differs from it
    python: str


@contextmanager
def checked_out(name: str, wanted: str, directory: Path, python: str | None = None) -> Iterator[Checkout]:
    """`wanted` is a directory or a commit of this repository, which stands under `directory` for the time."""
    if Path(wanted).is_dir():
        root = Path(wanted).resolve()
        yield Checkout(name, root, _described(root), python or interpreter(root, directory / f"venv-{name}"))
        return
    root = directory / f"tree-{name}"
    _git(ROOT, "worktree", "add", "--quiet", "--detach", str(root), wanted)
    try:
        yield Checkout(name, root, _described(root), python or interpreter(root, directory / f"venv-{name}"))
    finally:
        _git(ROOT, "worktree", "remove", "--force", str(root))


def interpreter(root: Path, venv: Path) -> str:
    """The running one where it has what the checkout pins, else one of a virtual environment made for it."""
    if not lacking((root / "requirements.txt").read_text()):
        return sys.executable
    python = str(venv / "bin" / "python")
    lock = root / "requirements.lock"
    constraint = ["--constraint", str(lock)] if lock.exists() else []
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *constraint]
    subprocess.run([*install, "-r", str(root / "requirements.txt")], check=True)
    return python


def lacking(requirements: str) -> list[str]:
    """The pinned packages that the running interpreter has not, or in another version."""
    return [f"{name}=={wanted}" for name, wanted in PIN.findall(requirements) if _installed(name) != wanted]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _described(root: Path) -> str:
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return _git(root, "rev-parse", "--short=10", "HEAD") + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *arguments], cwd=root, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()
