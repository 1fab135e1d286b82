"""What a counter remembers for one key, and how it counts. Pure; instants are microseconds since 1970.

Exact, and bounded:

- a count or sum in a window of the calendar is one number;
- a count in a sliding window is the instants of its newest `most` orders: fewer than `most` in the window are counted
  exactly, and of more it is known that they are not fewer;
- a sum in a sliding window is its orders' instants and amounts. Beyond `most` of them the two oldest become one, at
  the later instant: it may then be too high for as long as lay between them, and never too low;
- of distinct values the newest `most` are kept, each with its two last instants.

One more than `most` is kept, for an order that is released and does not count itself.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rules_app.engine.counters import moment_of
from rules_app.engine.counting.declared import COUNT, DISTINCT, Counter

HIGHEST = 10**18  # a sum that no order reaches, and every database can hold
Data = Mapping[str, Any]
# An action as it was counted: when, by how much, and its value's hash where values are told apart.
Mark = tuple[int, int, str]


def total(counter: Counter, data: Data, now: int, own: Mark | None = None) -> int:
    """What stands in the window, without the action that has left this mark; at most `most` where it is capped."""
    begin = counter.window.begin(now, counter.zone)
    mine = own is not None and own[0] > begin
    if counter.what == DISTINCT:
        found = _distinct(data, begin, own if mine else None)
    elif counter.window.calendar:
        found = _running(data, begin) - (own[1] if mine and own else 0)
    elif counter.what == COUNT:
        moments = data.get("at", ())
        found = len(moments) - bisect_right(moments, begin) - int(mine)
    else:
        found = sum(amount for at, amount in _events(data) if at > begin) - (own[1] if mine and own else 0)
    return min(max(found, 0), counter.most if counter.capped else HIGHEST)


def counted(counter: Counter, data: Data, mark: Mark) -> dict[str, Any]:
    """The same with one more action; what the window will never see again is dropped."""
    at, amount, member = mark
    begin = counter.window.begin(at, counter.zone)
    if counter.what == DISTINCT:
        return _with_member(data, begin, at, member, counter.most + 1)
    if counter.window.calendar:
        return {"at": at, "total": min(_running(data, begin) + amount, HIGHEST)}
    if counter.what == COUNT:
        moments = data.get("at", ())
        kept = [*moments[bisect_right(moments, begin) :]]
        insort(kept, at)
        return {"at": kept[-counter.most - 1 :]}
    events = sorted([*((when, size) for when, size in _events(data) if when > begin), (at, amount)])
    return _kept(_merged(events, counter.most + 1))


def is_new(counter: Counter, data: Data, now: int, member: str) -> bool:
    """Whether nothing in the window has this value yet."""
    begin = counter.window.begin(now, counter.zone)
    return bool(data.get("seen", {}).get(member, (0, 0))[1] <= begin)


def over_at(counter: Counter, at: int) -> datetime:
    """When all that was counted until then counts no more."""
    return moment_of(counter.window.end(at, counter.zone))


def _running(data: Data, begin: int) -> int:
    return int(data["total"]) if data and data["at"] > begin else 0


def _events(data: Data) -> list[tuple[int, int]]:
    return list(zip(data.get("at", ()), data.get("of", ()), strict=True))


def _kept(events: list[tuple[int, int]]) -> dict[str, Any]:
    return {"at": [at for at, _ in events], "of": [amount for _, amount in events]}


def _merged(events: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    while len(events) > most:
        (_, first), (at, second), *others = events
        events = [(at, first + second), *others]
    return events


def _distinct(data: Data, begin: int, own: Mark | None) -> int:
    seen: Mapping[str, list[int]] = data.get("seen", {})
    found = sum(last > begin for _, last in seen.values())
    if own is None or own[2] not in seen:
        return found
    before, last = seen[own[2]]
    # Nobody else has the value, where the last time was its own and the one before has passed.
    return found - 1 if last == own[0] and before <= begin else found


def _with_member(data: Data, begin: int, at: int, member: str, most: int) -> dict[str, Any]:
    seen = {name: times for name, times in data.get("seen", {}).items() if times[1] > begin}
    _, last = seen.pop(member, (0, 0))
    newest = sorted(seen.items(), key=lambda one: one[1][1])[max(0, len(seen) + 1 - most) :]
    return {"seen": {**dict(newest), member: [min(last, at), max(last, at)]}}
