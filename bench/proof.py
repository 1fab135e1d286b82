"""The frame of a proof: a directory for what it starts, all of it stopped at its end, and what did not hold told."""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

Undo = list[Callable[[], object]]


def parser_of(guide: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=guide, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    return parser


def concluded(name: str, seed: int, prove: Callable[[Path, Undo], list[str]]) -> int:
    """The exit code: 1 where `prove` came back with sentences that do not hold. It is given a directory that
    PostgreSQL's user may enter, and a list for what is to be stopped at the end, the last first."""
    undo: Undo = []
    with tempfile.TemporaryDirectory(prefix=f"acteon-{name}-") as folder:
        directory = Path(folder)
        directory.chmod(0o755)
        try:
            broken = prove(directory, undo)
        finally:
            for step in reversed(undo):
                step()
    for sentence in broken:
        print(f"VIOLATION: {sentence}")
    print(f"seed {seed}: " + ("BROKEN" if broken else "all invariants hold"))
    return 1 if broken else 0
