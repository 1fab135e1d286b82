"""What is to be done about a recurring action that is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from orders_app.recurring.cron import Schedule

# Of the occurrences that were missed so many are looked at, the latest; of those before nobody keeps count.
MOST_MISSED = 100


@dataclass(frozen=True, slots=True)
class PassedOver:
    """So many occurrences are not fired, of which this is the last. `more`: there were others before."""

    last: datetime
    count: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """`fire` is dispatched now (late where it was missed), `passed` are not, and `following` comes next."""

    fire: datetime | None
    was_missed: bool
    passed: PassedOver | None
    following: datetime | None


def plan_due(schedule: Schedule, next_at: datetime, now: datetime, *, missed: str, grace: timedelta) -> Due:
    """Of an action whose next occurrence was at `next_at`, not after `now`.

    What is later than `grace` counts as missed: `skip` passes it over, `once` fires the latest alone, `all` fires each,
    one at a time. What is not so late is fired, each in its turn.
    """
    found, whole = schedule.latest(next_at, now, most=MOST_MISSED)
    if not found:  # the schedule is another than the one that was due
        return Due(None, False, None, schedule.next(now))
    late = [one for one in found if one < now - grace]
    if not late:
        return Due(found[0], False, None, _following(schedule, found, 0, now))
    if missed == "all":
        before = None if whole else PassedOver(_one_before(schedule, next_at, found[0]), 1, more=True)
        return Due(found[0], True, before, _following(schedule, found, 0, now))
    if missed == "once":
        passed = PassedOver(found[-2], len(found) - 1, not whole) if len(found) > 1 else None
        return Due(found[-1], found[-1] in late, passed, schedule.next(now))
    passed = PassedOver(late[-1], len(late), not whole)
    if len(late) == len(found):
        return Due(None, False, passed, schedule.next(now))
    return Due(found[len(late)], False, passed, _following(schedule, found, len(late), now))


def _following(schedule: Schedule, found: list[datetime], at: int, now: datetime) -> datetime | None:
    return found[at + 1] if at + 1 < len(found) else schedule.next(now)


def _one_before(schedule: Schedule, first: datetime, behind: datetime) -> datetime:
    """The last occurrence before `behind`."""
    found, _ = schedule.latest(first, behind - timedelta(microseconds=1), most=1)
    return found[-1]
