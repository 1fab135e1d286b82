"""What the counting gates compute: throttle slots and quota windows. Pure; times are UTC."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from datetime import UTC, datetime, timedelta

MICROSECONDS = 1_000_000


def micros(moment: datetime) -> int:
    """Whole microseconds since 1970, exact (a float would lose the last digits)."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def moment_of(instant: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)


def next_slot(slots: list[int], now: int, max_count: int, window_seconds: int) -> int:
    """The earliest instant (microseconds) at which one more may pass, `now` itself if at once.

    `slots` are the instants taken so far, ascending; those in the future are reserved by orders that wait for
    their turn, and nothing new passes before them. Of any `max_count + 1` neighbours the outer two are a whole
    window apart, which is what "never more than max_count in any sliding window" means.
    """
    earliest = max(now, slots[-1]) if slots else now
    if len(slots) < max_count:
        return earliest
    return max(earliest, slots[-max_count] + window_seconds * MICROSECONDS)


def turn_slot(slots: list[int], turns: list[int], now: int, max_count: int, window_seconds: int) -> int:
    """The earliest instant at which one more may pass that waited for its turn: after those that have passed.

    `turns` are those of the `slots` that are reserved, its own among them. They do not count, not even those that are
    due: else orders that are looked at late would put each other off for ever.
    """
    waiting = Counter(turns)
    passed = []
    for taken in slots[: bisect_right(slots, now)]:
        if waiting[taken]:
            waiting[taken] -= 1
        else:
            passed.append(taken)
    return next_slot(passed, now, max_count, window_seconds)


def slots_after(slots: list[int], slot: int, now: int, window_seconds: int) -> list[int]:
    """The slots with one more taken; those that no later decision can depend on are dropped."""
    kept = slots_kept(slots, now, window_seconds)
    insort(kept, slot)
    return kept


def slots_kept(slots: list[int], now: int, window_seconds: int) -> list[int]:
    """Those that a later decision can depend on: none that is a window old."""
    return slots[bisect_right(slots, now - window_seconds * MICROSECONDS) :]


def window_bounds(window: str, seconds: int | None, now: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the UTC calendar window that holds `now`: hour, day, week from Monday, month, or a span."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    if window == "hourly":
        return hour, hour + timedelta(hours=1)
    if window == "daily":
        return day, day + timedelta(days=1)
    if window == "weekly":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    if window == "monthly":
        first = day.replace(day=1)
        return first, (first + timedelta(days=32)).replace(day=1)
    if not seconds:
        raise ValueError("a custom window needs its seconds")
    begin = micros(now) // (seconds * MICROSECONDS) * seconds * MICROSECONDS
    return moment_of(begin), moment_of(begin + seconds * MICROSECONDS)
