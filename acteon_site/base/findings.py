"""What somebody who looks at the system's state has found, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARN = "warn"  # it works, and will not for ever, or not as safely as it could
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` says how it stands, `todo` what to do; "" where nothing has to be done."""

    state: State
    text: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Checkup:
    """A thing to look at. `look` changes nothing, calls no provider, and answers at least one finding."""

    name: str
    look: Callable[[], Iterable[Finding]]
    needs_database: bool = True


def ok(text: str, todo: str = "") -> Finding:
    return Finding(State.OK, text, todo)


def warn(text: str, todo: str) -> Finding:
    return Finding(State.WARN, text, todo)


def fail(text: str, todo: str) -> Finding:
    return Finding(State.FAIL, text, todo)


def by_age(what: str, seconds: float | None, limits: tuple[float, float], todo: str) -> Finding:
    """How old the oldest of something is: from the first limit on (in seconds) a warning, then a failure."""
    if seconds is None:
        return ok(f"{what}: none waits")
    text = f"{what}: the oldest is {duration(seconds)} old"
    if seconds < limits[0]:
        return ok(text)
    return warn(text, todo) if seconds < limits[1] else fail(text, todo)


def duration(seconds: float) -> str:
    """As people say it: 40 s, 12 min, 5 h, 9 days."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def state_by_wait(seconds: float | None) -> str:
    """For the status page: "ok", or "degraded" where the oldest of something waits for a minute."""
    return "ok" if seconds is None or seconds < 60 else "degraded"
