"""The approval policies in force, from memory."""

from __future__ import annotations

from typing import Any

from acteon_site.base import config_versions
from orders_app.approval_policy import DEFAULT, Policy, policy_of, policy_problems
from orders_app.models import ApprovalPolicy

FIELDS = (
    *("name", "namespace", "tenant", "reasons", "reason_required", "risk"),
    *("ties", "reminders", "escalation", "key_holders"),
)


def policy_spec(row: ApprovalPolicy) -> dict[str, Any]:
    """The spec as files spell it."""
    return {name: getattr(row, name) for name in FIELDS}


def _load() -> tuple[Policy, ...]:
    specs = [policy_spec(row) for row in ApprovalPolicy.objects.filter(enabled=True).order_by("pk")]
    return tuple(policy_of(spec) for spec in specs if not policy_problems(spec))


_policies = config_versions.ConfigCache(config_versions.APPROVALS, _load)


def policy_for(namespace: str, tenant: str) -> Policy:
    """The closest to this namespace and tenant, the older of two equals; the default where there is none."""
    best, closest = DEFAULT, -1
    for policy in _policies.get():
        closeness = policy.closeness(namespace, tenant)
        if closeness is not None and closeness > closest:
            best, closest = policy, closeness
    return best
