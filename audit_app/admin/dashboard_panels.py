"""What the dashboard shows of the trail: orders and their worth, and how the gateway itself does."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from acteon_site.admin.worker import worker_silent_seconds
from acteon_site.base.clock_text import span_text
from acteon_site.base.money import money
from audit_app.admin.home_cards import GROUP_OF, OUTCOME_GROUPS
from audit_app.analytics.asking import Answer, Question
from audit_app.analytics.chart import axis_of, bars
from audit_app.analytics.durations import Durations
from audit_app.analytics.panels import OTHERS, Compared, Figures, Panel, View, milliseconds
from audit_app.analytics.zone_days import cover_of
from audit_app.models import AuditRecord
from audit_app.records.rollups import COUNTRIES, DISPATCHES, OTHER, RECORDS
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.services.rollups import rollups_missing

MOST_ROWS = 12
WORKER_SECONDS = 30
_WORDS = {key: words for key, (words, _) in OUTCOME_GROUPS.items()}
_PLAIN = {
    "chain_started": "chain started",
    "pending_approval": "held for approval",
    "circuit_open": "circuit open",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: how many, what they were worth, and where the rows are."""

    label: str
    count: Compared
    worth: str
    url: str
    key: str = ""


def orders(view: View) -> Figures:
    """How many came, by time and group of outcomes."""
    axis = axis_of(view.span, view.zone)
    cover = cover_of(axis, view.span)
    filters = {**view.filters, "outcome": DISPATCH_OUTCOMES}
    group = ("grain", "at", "outcome")
    question = Question(RECORDS, view.span, filters, group, cover=cover.pieces, worth=False)
    counted: Counter[tuple[int, str]] = Counter()
    for (grain, at, outcome), (count, _) in view.sums.records(question).items():
        for bar, sign in cover.parts_of(axis, grain, at):
            counted[bar, GROUP_OF[outcome]] += sign * count
    return {"bars": bars(axis, counted, _WORDS, view.zone), "total": sum(counted.values()), "groups": _WORDS}


def breakdown(view: View) -> Figures:
    """What dispatches came to and were worth, by outcome, shop and rule, from one question for each span."""
    now, before = view.endings(DISPATCH_OUTCOMES)
    by_outcome = _lines(
        now,
        before,
        lambda key: key[2],
        lambda name: (_plain(name), view.rows_url(outcome=name), GROUP_OF[name]),
    )
    by_shop = _lines(
        now,
        before,
        lambda key: f"{key[0]}:{key[1]}",
        lambda name: (
            name.replace(":", " / "),
            view.rows_url(scope=name, outcome__in=",".join(sorted(DISPATCH_OUTCOMES))),
            "",
        ),
    )
    by_rule = _lines(
        now,
        before,
        lambda key: key[3],
        lambda name: (
            name,
            view.rows_url(matched_rule__exact=name, outcome__in=",".join(sorted(DISPATCH_OUTCOMES))),
            "",
        ),
    )
    return {"outcomes": by_outcome, "shops": by_shop, "rules": by_rule}


def countries(view: View) -> Figures:
    now, before = view.both(COUNTRIES, ("label", "currency"))
    return {
        "lines": _lines(
            now,
            before,
            lambda key: key[0],
            lambda name: (
                name,
                view.rows_url(
                    action_payload__shipping_country=name, outcome__in=",".join(sorted(DISPATCH_OUTCOMES))
                ),
                "",
            ),
        )
    }


def _plain(outcome: str) -> str:
    return _PLAIN.get(outcome, outcome.replace("_", " "))


def _lines(
    now: Answer,
    before: Answer,
    name_of: Callable[[tuple[Any, ...]], str],
    shown: Callable[[str], tuple[str, str, str]],
) -> Sequence[Line]:
    """The largest MOST_ROWS. Currency is the last of a key."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    worths: dict[str, Counter[str]] = defaultdict(Counter)
    for index, answer in enumerate((now, before)):
        for key, (count, amount) in answer.items():
            if name := name_of(key):
                counts[name][index] += count
                if index == 0 and key[-1]:
                    worths[name][key[-1]] += amount
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1][0], entry[0]))
    return [
        Line(label, Compared(*found), _worth(worths[name]), url, key)
        for name, found in ordered[:MOST_ROWS]
        for label, url, key in [(OTHERS, "", "") if name == OTHER else shown(name)]
    ]


def _worth(amounts: Mapping[str, int]) -> str:
    ordered = sorted(amounts.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(money(amount, code) for code, amount in ordered) or "-"


def latency(view: View) -> Figures:
    """From a dispatch's arrival to its outcome."""
    question = Question(DISPATCHES, view.span, view.filters, worth=False)
    found = view.sums.times(question).get((), Durations())
    return {
        "count": f"{found.count:,}" if found.count else "",
        "shares": [(share, milliseconds(value)) for share, value in found.percentiles_ms().items()],
        "url": view.rows_url(outcome__in=",".join(sorted(DISPATCH_OUTCOMES))),
    }


def gateway(view: View) -> Figures:
    """Of now: workers, and what the relay has not numbered yet."""
    now = timezone.now()
    silent = worker_silent_seconds()
    first = AuditRecord.objects.filter(number__isnull=True).order_by("id")
    oldest: datetime | None = first.values_list("completed_at", flat=True).first()
    return {
        "worker": "no worker has finished a task yet" if silent is None else f"{span_text(silent)} ago",
        "worker_well": silent is not None and silent < WORKER_SECONDS,
        "unnumbered": span_text((now - oldest).total_seconds()) if oldest else "",
        "missing": f"{missing:,}" if (missing := rollups_missing()) else "",
    }


FOLDER = "admin/audit_app/dashboard"
MAY_SEE = "audit_app.view_auditrecord"
PANELS = (
    Panel("orders", "Orders", MAY_SEE, f"{FOLDER}/orders.html", orders, 10, "wide"),
    Panel("breakdown", "What became of them", MAY_SEE, f"{FOLDER}/breakdown.html", breakdown, 20, "wide"),
    Panel("countries", "Where they go", MAY_SEE, f"{FOLDER}/countries.html", countries, 55),
    Panel("latency", "How long an answer takes", MAY_SEE, f"{FOLDER}/latency.html", latency, 40),
    Panel("gateway", "The gateway itself", MAY_SEE, f"{FOLDER}/gateway.html", gateway, 90, of_no_tenant=True),
)
