"""Which of the actions that came in did the rules match? Read from the audit trail."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT

from audit_app.models import AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES

SCOPE = ("namespace", "tenant", "provider", "action_type")
# A rule decided, or joined as a gate, or changed the payload.
MATCHED = (
    Q(matched_rule__isnull=False)
    | Q(verdict_details__has_key="gates")
    | Q(verdict_details__has_key="modified_by")
)
Combination = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One combination of namespace, tenant, provider and action type. Numbers are of distinct actions."""

    scope: Combination
    total: int
    covered: int
    matched_rules: tuple[str, ...]

    @property
    def uncovered(self) -> int:
        return self.total - self.covered


def coverage_entries(begin: datetime, end: datetime, **scope: Any) -> list[Entry]:
    """One entry per combination that was dispatched from `begin` until before `end`, in order of its names.

    `scope` are further filters on the audit rows, such as `namespace="ecommerce"`.
    """
    rows = AuditRecord.objects.filter(
        outcome__in=DISPATCH_OUTCOMES, dispatched_at__gte=begin, dispatched_at__lt=end, **scope
    )
    names = _rule_names(rows)
    counted = (
        rows.values_list(*SCOPE)
        .annotate(
            total=Count("action_id", distinct=True),
            covered=Count("action_id", distinct=True, filter=MATCHED),
        )
        .order_by(*SCOPE)
    )
    return [Entry(tuple(row[:4]), row[4], row[5], tuple(sorted(names[tuple(row[:4])]))) for row in counted]


def _rule_names(rows: QuerySet[AuditRecord]) -> dict[Combination, set[str]]:
    found: dict[Combination, set[str]] = defaultdict(set)
    matched = rows.filter(MATCHED).order_by()
    noted = matched.annotate(gates=KT("verdict_details__gates"), patches=KT("verdict_details__modified_by"))
    for *scope, rule, gates, patches in noted.values_list(
        *SCOPE, "matched_rule", "gates", "patches"
    ).distinct():
        found[tuple(scope)].update(_listed(rule, gates, patches))
    return found


def _listed(rule: str | None, *lists: str | None) -> Iterable[str]:
    if rule:
        yield rule
    for text in lists:
        yield from json.loads(text) if text else ()
