"""What the admin's home page shows of the trail: what became of the orders of a day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from acteon_site.admin.home import Card, Figures, Tile
from acteon_site.base.principals import Principal
from audit_app.analytics.asking import Question, sums_now
from audit_app.analytics.spans import Span
from audit_app.records.rollups import HOUR, MINUTE, RECORDS
from audit_app.records.vocabulary import DISPATCH_OUTCOMES

HOURS = 24
# Group of outcomes -> its words. The order is that of the bars, from below.
OUTCOME_GROUPS = {
    "good": ("Went through", ("executed", "rerouted", "chain_started")),
    "waits": ("Held", ("pending_approval", "scheduled", "grouped")),
    "same": ("Repeats", ("deduplicated",)),
    "away": (
        "Turned away",
        ("suppressed", "throttled", "quota_exceeded", "circuit_open", "silenced", "muted"),
    ),
    "failed": ("Failed", ("failed",)),
}
GROUP_OF = {outcome: key for key, (_, outcomes) in OUTCOME_GROUPS.items() for outcome in outcomes}


@dataclass(slots=True)
class Hour:
    begins: datetime
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The last 24 clock hours, oldest first; the last hour is of 60 whole minutes and the one that runs."""

    hours: list[Hour]
    last_hour: Counter[str]

    @property
    def total(self) -> Counter[str]:
        return sum((hour.counts for hour in self.hours), Counter())


def outcomes(reader: Principal) -> Figures:
    found = outcomes_of_a_day(timezone.now(), reader)
    total = found.total
    groups = [
        {"key": key, "words": words, "hour": found.last_hour[key], "day": total[key]}
        for key, (words, _) in OUTCOME_GROUPS.items()
    ]
    url = reverse("admin:audit_app_auditrecord_changelist")
    return {
        "outcomes": found,
        "groups": groups,
        "bars": bars(found),
        "day_count": total.total(),
        "tiles": [Tile(str(found.last_hour.total()), "orders in the last hour", url)],
    }


def outcomes_of_a_day(now: datetime, reader: Principal) -> Outcomes:
    """What became of the orders of the last 24 hours, releases included; steps of chains are not counted."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    begins, minute = int(first.timestamp()), int(now.timestamp()) // MINUTE * MINUTE
    filters = {name.removesuffix("__in"): names for name, names in reader.lookups().items()}
    filters["outcome"] = tuple(sorted(DISPATCH_OUTCOMES))
    hours = [Hour(first + timedelta(hours=index)) for index in range(HOURS)]
    with sums_now() as sums:
        day = Question(
            RECORDS, Span(begins, begins + HOURS * HOUR), filters, ("at", "outcome"), HOUR, worth=False
        )
        for (at, outcome), (count, _) in sums.records(day).items():
            hours[(at - begins) // HOUR].counts[GROUP_OF[outcome]] += count
        recent = Question(RECORDS, Span(minute - HOUR, minute + MINUTE), filters, ("outcome",), worth=False)
        last_hour: Counter[str] = Counter()
        for (outcome,), (count, _) in sums.records(recent).items():
            last_hour[GROUP_OF[outcome]] += count
    return Outcomes(hours, last_hour)


def bars(outcomes: Outcomes, *, width: int = 720, height: int = 230) -> dict[str, Any]:
    """Where the stacked bars stand in a chart of that size (SVG units), and the labels below them."""
    highest = max((hour.counts.total() for hour in outcomes.hours), default=0) or 1
    wide = width / HOURS
    rects, labels = [], []
    for index, hour in enumerate(outcomes.hours):
        below = 0.0
        for key in OUTCOME_GROUPS:
            tall = hour.counts[key] / highest * (height - 30)
            if tall:
                top = height - 18 - below - tall
                title = f"{hour.begins:%H:%M}: {hour.counts[key]} {OUTCOME_GROUPS[key][0].lower()}"
                rects.append(
                    {
                        "key": key,
                        "x": _svg(index * wide + 3),
                        "y": _svg(top),
                        "w": _svg(wide - 6),
                        "h": _svg(tall),
                        "title": title,
                    }
                )
            below += tall
        if index % 4 == 3:
            labels.append({"x": _svg(index * wide + wide / 2), "text": f"{hour.begins:%H:%M}"})
    return {
        "width": width,
        "height": height,
        "base": height - 18,
        "text": height - 4,
        "rects": rects,
        "labels": labels,
        "highest": highest,
    }


def _svg(number: float) -> str:
    return f"{number:.1f}"


CARDS = (
    Card(
        "outcomes", "audit_app.view_auditrecord", "admin/audit_app/home/outcomes.html", outcomes, "wide", 30
    ),
)
