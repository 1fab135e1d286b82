"""Durations in classes that can be added up, and what a share of them did not exceed. Pure.

Each class is 5 % wider than the one before, so that a percentile read from them is off by at most 2.5 %, whatever was
added to what. Class 0 holds what took no time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import ceil, log

GROWTH = 1.05
ERROR_PERCENT = 2.5
UNKNOWN = -1
PACKED = -2  # no class: the row has several
MOST_MICROS = 10**13  # 115 days
_LOG = log(GROWTH)


def micros_of(took: timedelta) -> int:
    """A division of times takes thrice as long."""
    return took.days * 86_400_000_000 + took.seconds * 1_000_000 + took.microseconds


def class_of(micros: int) -> int:
    """The class of a duration in microseconds."""
    return ceil(log(min(micros, MOST_MICROS)) / _LOG) + 1 if micros > 0 else 0


def value_of(duration_class: int) -> float:
    """What stands for a class: the microseconds that are nearest to all in it, by their share."""
    if duration_class <= 0:
        return 0.0
    return float(2 * GROWTH ** (duration_class - 1) / (GROWTH + 1))


def percentile(counts: Mapping[int, int], share: int) -> float | None:
    """Microseconds that `share` percent did not exceed, by nearest rank; None where nothing was measured."""
    known = sorted((one, count) for one, count in counts.items() if one != UNKNOWN)
    total = sum(count for _, count in known)
    if not total:
        return None
    rank, seen = max(1, -(-total * share // 100)), 0
    for one, count in known:
        seen += count
        if seen >= rank:
            return value_of(one)
    raise AssertionError("the last class reaches every rank")
