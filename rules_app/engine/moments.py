"""The nearest instants at which a test of the clock turns out otherwise. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
# Every field of the clock changes at one of these steps (offsets of zones are whole quarters of an hour), and so far
# is looked: two minutes, a day, a week and a day, a year and a month.
_STEPS = (
    (_SECOND, 120),
    (timedelta(minutes=1), 24 * 60),
    (timedelta(minutes=15), 8 * 24 * 4),
    (timedelta(days=1), 400),
)


def turning_points(now: datetime, holds: Callable[[datetime], bool]) -> list[datetime]:
    """Up to two instants at which `holds` is not what it is now: the last one before now, the first one after it."""
    wanted = not holds(now)
    found = (
        next((at for at in moments if holds(at) is wanted), None) for moments in (_before(now), _after(now))
    )
    return [at for at in found if at is not None]


def _after(now: datetime) -> Iterator[datetime]:
    for step, count in _STEPS:
        begin = _floor(now, step)
        yield from (begin + step * number for number in range(1, count + 1))


def _before(now: datetime) -> Iterator[datetime]:
    """The last seconds of the steps that lie behind."""
    for step, count in _STEPS:
        begin = _floor(now, step)
        yield from (begin - step * number - _SECOND for number in range(count))


def _floor(now: datetime, step: timedelta) -> datetime:
    return _EPOCH + (now - _EPOCH) // step * step
