"""In which currencies orders came lately, and the rules that should say which one they mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db.models.fields.json import KT
from django.utils import timezone

from acteon_site.base.money import DECIMALS
from audit_app.models import AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from rules_app.engine import Rule as EngineRule
from rules_app.engine import parse_rule
from rules_app.engine.currencies import currency_advice
from rules_app.models import Rule
from rules_app.specs import rule_spec

LATELY = timedelta(days=7)
# So many of the newest dispatches are looked at: enough to see a second currency, cheap for a page.
MOST_LOOKED_AT = 2_000
Seen = Mapping[tuple[str, str], set[str]]


def currency_warnings(rules: Iterable[Rule], **scope: Any) -> dict[str, str]:
    """What to tell about each of these rules that needs it, by name.

    `scope` are filters on the audit rows; without any it is everything of the last seven days.
    """
    seen = currencies_seen(**scope)
    parsed = (parse_rule(rule_spec(rule))[0] for rule in rules)
    found = ((rule.name, currency_advice(rule, _of(rule, seen))) for rule in parsed if rule)
    return {name: advice for name, advice in found if advice}


def currencies_seen(most: int | None = None, **scope: Any) -> Seen:
    """By namespace and tenant, among the newest dispatches. What is redacted, or no currency, is none."""
    chosen = scope or {"dispatched_at__gte": timezone.now() - LATELY}
    rows = AuditRecord.objects.filter(outcome__in=DISPATCH_OUTCOMES, **chosen).order_by(
        "-dispatched_at", "-id"
    )
    named = rows.annotate(currency=KT("action_payload__currency"))
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for namespace, tenant, currency in named.values_list("namespace", "tenant", "currency")[
        : most or MOST_LOOKED_AT
    ]:
        code = str(currency).strip().upper()
        if code in DECIMALS:
            found[namespace, tenant].add(code)
    return found


def _of(rule: EngineRule, seen: Seen) -> set[str]:
    return {
        code
        for (namespace, tenant), codes in seen.items()
        if rule.namespace in ("*", namespace) and rule.tenant in ("*", tenant)
        for code in codes
    }
