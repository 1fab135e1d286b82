"""`timer`: wait so long, or until a time."""

from __future__ import annotations

from dataclasses import dataclass

from chains_app.definitions.reader import Problems, Reader
from chains_app.definitions.step_kinds.base import ReadStep, StepKind

NAME = "timer"


@dataclass(frozen=True, slots=True)
class Timer:
    """Wait: `seconds` long, or until the time that a template gives. Exactly one is set."""

    seconds: float | None = None
    until: str | None = None


def _read(reader: Reader, problems: Problems, read_step: ReadStep) -> Timer | None:
    if not reader.has(NAME):
        return None
    inner = Reader(reader.raw(NAME), reader.at(NAME), ("seconds", "until"), problems)
    if inner.has("seconds") == inner.has("until"):
        problems.add(inner.path, "must have exactly one of seconds and until")
    return Timer(inner.seconds("seconds"), inner.text("until") or None)


KIND = StepKind(NAME, _read, own_limit="a timer ends by itself")
