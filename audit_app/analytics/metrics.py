"""The five metrics of GET /v1/analytics, each from the sums alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from audit_app.analytics.asking import Question, Sums
from audit_app.analytics.durations import Durations
from audit_app.analytics.spans import Span
from audit_app.records.rollups import DAY, DISPATCHES, HOUR, RECORDS
from audit_app.records.vocabulary import DISPATCH_OUTCOMES

INTERVALS = ("hourly", "daily", "weekly", "monthly")
# Names of the query, and of the sums.
GROUPS = {
    "namespace": "namespace",
    "tenant": "tenant",
    "provider": "provider",
    "action_type": "action_type",
    "outcome": "outcome",
    "matched_rule": "label",
}
FAILED = frozenset(("failed", "circuit_open"))
Bucket = tuple[int, str | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the query asks for. `filters` hold the caller's scope as well."""

    metric: str
    interval: str
    span: Span
    filters: Mapping[str, Collection[str]]
    group_by: str | None = None
    top_n: int = 10

    @property
    def largest(self) -> int:
        return HOUR if self.interval == "hourly" else DAY


@dataclass(slots=True)
class Found:
    """`buckets` in order of time, then of the group's name; `top`: labels and how many, most first."""

    total: int
    buckets: list[dict[str, Any]] = field(default_factory=list)
    top: list[tuple[str, int]] | None = None


def bucket_of(at: int, interval: str) -> int:
    """When the interval that `at` is in begins: hours, days, weeks from Monday, months, all of them in UTC."""
    if interval == "hourly":
        return at // HOUR * HOUR
    day = datetime.fromtimestamp(at // DAY * DAY, UTC)
    if interval == "weekly":
        day -= timedelta(days=day.weekday())
    elif interval == "monthly":
        day = day.replace(day=1)
    return int(day.timestamp())


def answer(asked: Asked, sums: Sums) -> Found:
    return METRICS[asked.metric](asked, sums)


def _counted(asked: Asked, sums: Sums, *names: str) -> dict[tuple[Any, ...], int]:
    """How many records by bucket, and by these names."""
    filters = {"outcome": DISPATCH_OUTCOMES, **asked.filters}
    question = Question(RECORDS, asked.span, filters, ("at", *names), asked.largest, worth=False)
    found: Counter[tuple[Any, ...]] = Counter()
    for (at, *alike), (count, _) in sums.records(question).items():
        found[bucket_of(at, asked.interval), *alike] += count
    return found


def _volume(asked: Asked, sums: Sums) -> Found:
    names = [GROUPS[asked.group_by]] if asked.group_by else []
    return _listed(_counted(asked, sums, *names), grouped=bool(names), asked=asked)


def _outcome_breakdown(asked: Asked, sums: Sums) -> Found:
    found = _listed(_counted(asked, sums, "outcome"), grouped=True, asked=asked)
    found.top = found.top or []
    return found


def _top_action_types(asked: Asked, sums: Sums) -> Found:
    """Buckets of these types alone."""
    counted = _counted(asked, sums, "action_type")
    found = _listed(counted, grouped=True, asked=asked)
    found.top = found.top or []
    shown = {label for label, _ in found.top}
    found.buckets = [bucket for bucket in found.buckets if bucket["group"] in shown]
    return found


def _listed(counted: Mapping[tuple[Any, ...], int], *, grouped: bool, asked: Asked) -> Found:
    found = Found(sum(counted.values()))
    by_group: Counter[str] = Counter()
    for (at, *names), count in sorted(counted.items()):
        bucket: dict[str, Any] = {"timestamp": at, "count": count}
        if grouped:
            bucket["group"] = names[0]
            by_group[names[0]] += count
        found.buckets.append(bucket)
    if grouped:
        ordered = sorted(by_group.items(), key=lambda entry: (-entry[1], entry[0]))
        found.top = ordered[: asked.top_n]
    return found


def _latency(asked: Asked, sums: Sums) -> Found:
    """Of dispatches, from their arrival to their outcome; what waited for a release is none of them."""
    names = [GROUPS[asked.group_by]] if asked.group_by else []
    question = Question(DISPATCHES, asked.span, asked.filters, ("at", *names), asked.largest)
    found: dict[tuple[Any, ...], Durations] = defaultdict(Durations)
    for (at, *alike), times in sums.times(question).items():
        one = found[bucket_of(at, asked.interval), *alike]
        one.include(times.classes)
        one.micros += times.micros
    buckets = [_timed(key, times) for key, times in sorted(found.items(), key=lambda entry: entry[0])]
    return Found(sum(times.count for times in found.values()), buckets)


def _timed(key: tuple[Any, ...], times: Durations) -> dict[str, Any]:
    at, *names = key
    bucket = {"timestamp": at, "count": times.count, "avg_duration_ms": times.average_ms}
    bucket |= {f"p{share}_duration_ms": value for share, value in times.percentiles_ms().items()}
    return bucket | ({"group": names[0]} if names else {})


def _error_rate(asked: Asked, sums: Sums) -> Found:
    """The share, from 0 to 1, that failed: no provider, or one that did not do it."""
    names = [GROUPS[asked.group_by]] if asked.group_by else []
    counted = _counted(asked, sums, "outcome", *names)
    totals: Counter[tuple[Any, ...]] = Counter()
    failed: Counter[tuple[Any, ...]] = Counter()
    for (at, outcome, *alike), count in counted.items():
        totals[at, *alike] += count
        failed[at, *alike] += count if outcome in FAILED else 0
    found = _listed(totals, grouped=bool(names), asked=asked)
    found.top = None
    for bucket in found.buckets:
        key = (bucket["timestamp"], *([bucket["group"]] if names else ()))
        bucket["error_rate"] = round(failed[key] / totals[key], 6)
    return found


METRICS: Mapping[str, Callable[[Asked, Sums], Found]] = {
    "volume": _volume,
    "outcome_breakdown": _outcome_breakdown,
    "top_action_types": _top_action_types,
    "latency": _latency,
    "error_rate": _error_rate,
}
