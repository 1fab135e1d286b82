"""Which quotas count an action, and how far each is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from rules_app.engine.counters import window_bounds
from rules_app.engine.quota_terms import overage_text
from rules_app.models import GateRow, Quota
from rules_app.services.gates import quota_key


@dataclass(frozen=True, slots=True)
class QuotaSpec:
    id: UUID
    namespace: str
    tenant: str
    provider: str
    principal: str
    per_principal: bool
    max_actions: int
    window: str
    window_seconds: int | None
    overage: str
    overage_target: str

    @property
    def overage_behavior(self) -> str:
        return overage_text(self.overage, self.overage_target)

    def counts(self, provider: str, principal: str) -> bool:
        """Whether it counts such an action of its tenant."""
        return self.provider in ("", provider) and self.principal in ("", principal)

    def key(self, principal: str, now: datetime) -> str:
        begin, _ = window_bounds(self.window, self.window_seconds, now)
        return quota_key(self.id, principal if self.per_principal else "", begin)

    def ends(self, now: datetime) -> datetime:
        return window_bounds(self.window, self.window_seconds, now)[1]


@dataclass(frozen=True, slots=True)
class Usage:
    used: int
    limit: int
    remaining: int
    resets_at: datetime


def spec_of(quota: Quota) -> QuotaSpec:
    names = QuotaSpec.__dataclass_fields__
    return QuotaSpec(**{name: getattr(quota, name) for name in names})


def _load() -> Mapping[tuple[str, str], tuple[QuotaSpec, ...]]:
    found: dict[tuple[str, str], tuple[QuotaSpec, ...]] = {}
    for quota in Quota.objects.filter(enabled=True).order_by("created_at", "id"):
        found[quota.namespace, quota.tenant] = (
            *found.get((quota.namespace, quota.tenant), ()),
            spec_of(quota),
        )
    return found


_quotas = config_versions.ConfigCache(config_versions.QUOTAS, _load)


def quotas_counting(namespace: str, tenant: str, provider: str, principal: str) -> tuple[QuotaSpec, ...]:
    of_tenant = _quotas.get().get((namespace, tenant), ())
    return tuple(quota for quota in of_tenant if quota.counts(provider, principal)) if of_tenant else ()


def quota_usage(quota: Quota, principal: str = "") -> Usage:
    """How far the quota's present window is used (for one caller, where it counts per caller)."""
    spec, now = spec_of(quota), db_now()
    row = GateRow.objects.filter(pk=spec.key(principal, now)).first()
    used = int(row.data.get("used", 0)) if row else 0
    return Usage(used, spec.max_actions, max(0, spec.max_actions - used), spec.ends(now))
