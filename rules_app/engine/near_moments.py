"""Dates and moments beside the one that a clause compares with, written as the order writes its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from acteon_site.base.clock_text import rfc3339
from rules_app.engine.scope import Scope
from rules_app.engine.spans import read_duration, read_moment

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)


def near_moments(operand: Any, value: Any, scope: Scope) -> Iterable[str]:
    """`operand` is a date, a moment or a length of time before now; nothing where it is none of them."""
    seconds = read_duration(operand)
    try:
        at = scope.now - timedelta(seconds=seconds) if seconds else read_moment(operand)
        if at is None:
            return ()
        plain = type(read_moment(value)) is date or (not isinstance(at, datetime))
        return _days(at, scope) if plain else _moments(at, scope)
    except (OverflowError, ValueError):
        return ()


def _days(at: date | datetime, scope: Scope) -> Iterable[str]:
    day = _local(at, scope).date() if isinstance(at, datetime) else at
    return [(day + step).isoformat() for step in (-_DAY, 0 * _DAY, _DAY)]


def _moments(at: date | datetime, scope: Scope) -> Iterable[str]:
    moment = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day)  # noqa: DTZ001
    moment = _local(moment, scope).astimezone(UTC)
    return [rfc3339(moment + step) for step in (-_SECOND, 0 * _SECOND, _SECOND)]


def _local(moment: datetime, scope: Scope) -> datetime:
    return moment.astimezone(scope.zone) if moment.tzinfo else moment.replace(tzinfo=scope.zone)
