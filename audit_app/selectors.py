"""What is read of the trail: the redaction in force, the totals, and pages of records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from acteon_site.base import config_versions
from acteon_site.base.connections import unhurried
from acteon_site.base.principals import Principal
from audit_app.models import AuditRecord, Counter, RedactedField, RetentionPolicy
from audit_app.records.totals import (
    DISPATCH_CLASS,
    DISPATCH_MICROSECONDS,
    METRIC_NAMES,
    RULE_OUTCOME,
    STEP_BOUNDS,
    STEP_CLASS,
    STEP_MICROSECONDS,
)
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.redaction import DEFAULT_PLACEHOLDER, Redactor, Scrubber

EXACT_TOTAL = 10_000
# What a chain did. The dispatch that a `chain` rule took has that verdict as well.
OF_CHAINS = Q(verdict="chain") & ~Q(outcome__in=DISPATCH_OUTCOMES)
Position = tuple[datetime, UUID]


# Never in a log line, configured or not. Log lines meet these before any configuration is loaded.
NEVER_LOGGED = (
    "authorization",
    "api_key",
    "x-api-key",
    "password",
    "secret",
    "card_number",
    "card_last4",
    "billing_zip",
    "cvv",
    "cvc",
)
_log_redactor = Redactor(NEVER_LOGGED)


def _load_redactor() -> Redactor:
    global _log_redactor
    marks = dict(RedactedField.objects.filter(enabled=True).order_by("pk").values_list("path", "placeholder"))
    placeholder = next(iter(marks.values()), DEFAULT_PLACEHOLDER)
    marks = {**dict.fromkeys(settings.PHI_FIELDS, placeholder), **marks}  # nobody can take these off
    _log_redactor = Redactor({**dict.fromkeys(NEVER_LOGGED, placeholder), **marks}, placeholder)
    return Redactor(marks, placeholder)


_redactor = config_versions.ConfigCache(config_versions.REDACTION, _load_redactor)


def current_redactor() -> Redactor:
    """The redaction in force, at most half a second old."""
    return _redactor.get()


def log_redactor() -> Scrubber:
    """NEVER_LOGGED, the redaction that this process saw last, and the secrets seen in this request.

    Asks no database: log lines use it.
    """
    return _log_redactor.scrubber().recall()


def counters() -> dict[str, int]:
    """All totals without a label, for GET /metrics; those that never happened are zero."""
    found = dict(Counter.objects.filter(label="").values_list("name", "value"))
    return {**dict.fromkeys(METRIC_NAMES, 0), **found}


def provider_counters() -> dict[str, dict[str, int]]:
    """By provider: how many calls succeeded and failed, of steps, of bare actions, and of notices."""
    found: dict[str, dict[str, int]] = {}
    rows = Counter.objects.exclude(label="").filter(name__in=("provider_successes", "provider_failures"))
    for name, label, value in rows.values_list("name", "label", "value"):
        totals = found.setdefault(label, {"successes": 0, "failures": 0})
        totals[name.removeprefix("provider_")] = value
    return found


def rule_counters() -> list[tuple[str, str, int]]:
    """Rule, outcome, and how many actions the rule made that of."""
    names = [RULE_OUTCOME + outcome for outcome in sorted(DISPATCH_OUTCOMES)]
    rows = (
        Counter.objects.filter(name__in=names).order_by("label", "name").values_list("label", "name", "value")
    )
    return [(rule, name.removeprefix(RULE_OUTCOME), value) for rule, name, value in rows]


@dataclass(frozen=True, slots=True)
class Times:
    """Calls or dispatches: how many took at most so many seconds, by bound, and all of them together."""

    within: Mapping[str, int]
    seconds: float


def step_counters() -> dict[str, Times]:
    """By "chain/step"."""
    return _times(STEP_CLASS, STEP_MICROSECONDS)


def dispatch_counters() -> dict[str, Times]:
    """By outcome."""
    return _times(DISPATCH_CLASS, DISPATCH_MICROSECONDS)


def _times(classes: str, total: str) -> dict[str, Times]:
    values: dict[str, dict[str, int]] = {}
    names = (*(classes + bound for bound in STEP_BOUNDS), total)
    rows = Counter.objects.filter(name__in=names).order_by("label")
    for name, label, value in rows.values_list("name", "label", "value"):
        values.setdefault(label, {})[name] = value
    return {
        label: Times(
            dict(
                zip(
                    STEP_BOUNDS,
                    accumulate(counted.get(classes + bound, 0) for bound in STEP_BOUNDS),
                    strict=True,
                )
            ),
            counted.get(total, 0) / 1e6,
        )
        for label, counted in values.items()
    }


def records_seen_by(caller: Principal) -> QuerySet[AuditRecord]:
    return AuditRecord.objects.filter(**caller.action_lookups())


def audit_page(
    records: QuerySet[AuditRecord], *, limit: int, offset: int = 0, after: Position | None = None
) -> list[AuditRecord]:
    """Newest first, one more than `limit` where a next page follows. `after` is where the last one ended."""
    if after is not None:
        moment, last_id = after
        # The first bound is redundant and lets the index begin there.
        records = records.filter(dispatched_at__lte=moment).filter(
            Q(dispatched_at__lt=moment) | Q(dispatched_at=moment, id__lt=last_id)
        )
    return list(unhurried(records.order_by("-dispatched_at", "-id")[offset : offset + limit + 1]))


def audit_total(records: QuerySet[AuditRecord]) -> int | None:
    """How many match, or None where they are more than EXACT_TOTAL."""
    total = records.order_by()[: EXACT_TOTAL + 1].count()
    return total if total <= EXACT_TOTAL else None


def newest_outcome(records: QuerySet[AuditRecord], action_id: str) -> AuditRecord | None:
    """The newest dispatch or release outcome of an action."""
    outcomes = records.filter(action_id=action_id, outcome__in=DISPATCH_OUTCOMES)
    return outcomes.order_by("-dispatched_at", "-id").first()


def expiries(records: Collection[AuditRecord]) -> Mapping[UUID, datetime]:
    """When the policies now in force remove these records; those that are kept for ever are left out."""
    ttls = _audit_ttls((record.namespace, record.tenant) for record in records)
    return {
        record.pk: record.dispatched_at + timedelta(seconds=ttl)
        for record in records
        if (ttl := ttls.get((record.namespace, record.tenant)))
    }


def _audit_ttls(scopes: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    namespaces, tenants = zip(*{("", ""), *scopes}, strict=True)
    policies = RetentionPolicy.objects.filter(
        namespace__in=namespaces, tenant__in=tenants, enabled=True, compliance_hold=False
    )
    values: Any = policies.filter(audit_ttl_seconds__isnull=False).values_list(
        "namespace", "tenant", "audit_ttl_seconds"
    )
    return {(namespace, tenant): ttl for namespace, tenant, ttl in values}
