"""Times of day that are skipped, or happen twice, on the days on which clocks are changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground, Placed
from rules_app.checking.literals import KNOWN, Literal, Term
from rules_app.engine.times import TIME_FIELDS

_OF_DAY = ("time.hour", "time.minute", "time.clock")
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=366)
DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Change:
    """A change of clocks: minutes of the day from `begin` until before `end` are skipped, or come twice."""

    day: date
    begin: int
    end: int
    skipped: bool


def clocks(ground: Ground) -> Iterator[Finding]:
    for placed in ground.placed:
        times = {term: minutes for term in placed.terms or () if (minutes := _minutes(term))}
        if not times:
            continue
        for change in changes_ahead(ZoneInfo(placed.zone), ground.question.now):
            found = [why for minutes in times.values() if (why := _trouble(minutes, change))]
            if found:
                yield _finding(placed, change, found[0])


def _finding(placed: Placed, change: Change, why: str) -> Finding:
    span = f"{_clock(change.begin)} to {_clock(change.end)}"
    happens = "does not happen" if change.skipped else "happens twice"
    return Finding(
        "clock-change",
        Severity.WARNING,
        placed.name,
        f"on {change.day} {span} in {placed.zone} {happens}: {why}",
        "Choose a time outside of that hour, or a zone that keeps its clocks, such as UTC.",
        "condition",
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _trouble(minutes: Sequence[bool], change: Change) -> str:
    """What becomes of a time of day on that day, or "" where nothing does."""
    inside = range(change.begin, change.end)
    if not any(held and minute not in inside for minute, held in enumerate(minutes)):
        return (
            "all of its time lies there, so it matches nothing on that day"
            if change.skipped
            else ("all of its time lies there, so it matches twice as long on that day")
        )
    turns = [minute for minute in inside if minute > change.begin and minutes[minute] != minutes[minute - 1]]
    if change.skipped or len(turns) != 1:
        return ""
    return f"it begins or ends at {_clock(turns[0])}, which comes twice, so it is on and off again"


def _minutes(term: Term) -> list[bool] | None:
    """For each minute of the day whether the term's clauses about the time of day hold; None where there are none."""
    literals = [literal for literal in term if literal.key.path in _OF_DAY]
    if not literals or not all(literal.operator in KNOWN for literal in literals):
        return None
    return [all(held) for held in zip(*map(_held, literals), strict=True)]


def _held(literal: Literal) -> list[bool]:
    """For each minute of the day whether the clause holds, asked once for each value that its field takes."""
    name = literal.key.path.removeprefix("time.")
    asked: dict[Any, bool] = {}
    found = []
    for minute in range(DAY):
        value = TIME_FIELDS[name].get(_SOME_DAY + timedelta(minutes=minute))
        if value not in asked:
            asked[value] = literal.holds(value)
        found.append(asked[value])
    return found


def changes_ahead(zone: ZoneInfo, now: datetime) -> Iterator[Change]:
    """The changes of a year from now. One at midnight counts to the day on which the clock stood before it."""
    at = now.replace(minute=0, second=0, microsecond=0)
    offset = _offset(zone)
    while at < now + _AHEAD:
        following = at + timedelta(days=1)
        if offset(at) != offset(following):
            turn = _turn(offset, at, following)
            yield _change(zone, turn, offset(turn) - offset(turn - timedelta(minutes=1)))
        at = following


def _offset(zone: ZoneInfo) -> Callable[[datetime], timedelta]:
    return lambda at: at.astimezone(zone).utcoffset() or timedelta()


def _turn(offset: Callable[[datetime], timedelta], low: datetime, high: datetime) -> datetime:
    """The first minute with the new offset."""
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=int((high - low).total_seconds() // 120))
        low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
    return high


def _change(zone: ZoneInfo, turn: datetime, shift: timedelta) -> Change:
    before = (turn - timedelta(minutes=1)).astimezone(zone)
    at = before.hour * 60 + before.minute + 1
    minutes = int(shift.total_seconds() // 60)
    begin, end = (at, at + minutes) if minutes > 0 else (at + minutes, at)
    return Change(before.date(), max(0, begin), min(DAY, end), minutes > 0)
