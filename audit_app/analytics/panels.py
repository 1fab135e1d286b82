"""The dashboard's sections, as the apps bring them, and what each of them is told of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.urls import reverse

from acteon_site.base.clock_text import rfc3339
from acteon_site.base.principals import Principal
from acteon_site.base.registry import Registry
from audit_app.analytics.asking import Answer, Question, Sums
from audit_app.analytics.spans import Span
from audit_app.records.rollups import RECORDS
from audit_app.records.vocabulary import CHAIN_ENDS, DECISIONS, DISPATCH_OUTCOMES

Figures = Mapping[str, Any]
# Outcomes of orders, of approvals and of chains, and what is asked of them.
ENDINGS = frozenset((*DISPATCH_OUTCOMES, *DECISIONS, *CHAIN_ENDS))
ENDING = ("namespace", "tenant", "outcome", "label", "currency")
OTHERS = "all others"  # what sums call OTHER


@dataclass(frozen=True, slots=True)
class View:
    """What a person looks at: a span and the one a week (or weeks) before, of all shops that he reaches or of one."""

    sums: Sums
    span: Span
    before: Span
    zone: ZoneInfo
    reader: Principal
    scope: tuple[str, str] | None = None

    @property
    def filters(self) -> dict[str, Collection[str]]:
        return names_within(self.reader, self.scope)

    @property
    def lookups(self) -> dict[str, Any]:
        """The shops', for rows of any table."""
        return {f"{name}__in": list(names) for name, names in self.filters.items()}

    def both(self, kind: int, group: tuple[str, ...], **filters: Collection[str]) -> Sequence[Answer]:
        """Records of the span, and of the one before, alike in `group`. Worth is told of the span alone."""
        wanted = {**self.filters, **filters}
        now = Question(kind, self.span, wanted, group)
        before = Question(kind, self.before, wanted, group, worth=False)
        return [self.sums.records(now), self.sums.records(before)]

    def endings(self, outcomes: Collection[str]) -> Sequence[Answer]:
        """Of the span and the one before: namespace, tenant, outcome, label and currency, of those outcomes.

        One reading for all panels, since each of them alone would read the same sums.
        """
        answers = self.both(RECORDS, ENDING, outcome=ENDINGS)
        return [{key: value for key, value in answer.items() if key[2] in outcomes} for answer in answers]

    def outcomes(self, outcomes: Collection[str]) -> Sequence[Counter[tuple[str, str]]]:
        """How many by outcome and label."""
        found = []
        for answer in self.endings(outcomes):
            counts: Counter[tuple[str, str]] = Counter()
            for (_, _, outcome, label, _), (count, _) in answer.items():
                counts[outcome, label] += count
            found.append(counts)
        return found

    def rows_url(self, **filters: str) -> str:
        """The list of the records in the span to which these filters lead."""
        query = {
            "dispatched_at__gte": rfc3339(self.moment(self.span.since)),
            "dispatched_at__lt": rfc3339(self.moment(self.span.until)),
        }
        if self.scope:
            query["scope"] = ":".join(self.scope)
        return f"{reverse('admin:audit_app_auditrecord_changelist')}?{urlencode(query | filters)}"

    def moment(self, at: int) -> datetime:
        return datetime.fromtimestamp(at, self.zone)


def names_within(reader: Principal, scope: tuple[str, str] | None) -> dict[str, Collection[str]]:
    """Whose sums the reader is told, where he has chosen that shop or none. He must cover what he chose."""
    if scope:
        return {"namespace": {scope[0]}, "tenant": {scope[1]}}
    reached = {"namespace": reader.namespaces, "tenant": reader.tenants}
    return {name: names for name, names in reached.items() if "*" not in names}


@dataclass(frozen=True, slots=True)
class Panel:
    """A section. `figures` are read by bounded queries. `place` sorts; a wide one has the page's whole width.

    `of_no_tenant`: for who reaches everywhere.
    """

    name: str
    title: str
    permission: str
    template: str
    figures: Callable[[View], Figures]
    place: int
    width: Literal["wide", "half"] = "half"
    of_no_tenant: bool = False


PANELS: Registry[Panel] = Registry("panel of the dashboard")


@dataclass(frozen=True, slots=True)
class Compared:
    """A number, and what it was before."""

    now: int
    before: int

    def __str__(self) -> str:
        return f"{self.now:,}"

    @property
    def earlier(self) -> str:
        return f"{self.before:,}"

    @property
    def change(self) -> str:
        """In percent, with its sign; in words where there was nothing to compare with."""
        if self.now == self.before:
            return "as before"
        if not self.before:
            return "none before"
        return f"{100 * (self.now - self.before) / self.before:+.0f} %"


def milliseconds(value: float | None) -> str:
    """As people read it: 850 µs, 12 ms, 3.4 s, 5 min."""
    if value is None:
        return "-"
    if value < 1:
        return f"{value * 1000:.0f} µs"
    if value < 1000:
        return f"{value:.3g} ms"
    if value < 120_000:
        return f"{value / 1000:.3g} s"
    if value < 7_200_000:
        return f"{value / 60_000:.3g} min"
    return f"{value / 3_600_000:.3g} h"
