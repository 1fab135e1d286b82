"""`approval_policies`: how the approvals of a namespace and tenant are worked off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.checks import Field, check_fields, flag, mapping, scope, short_name
from acteon_site.config_files.kind import Kind, Misfit, Reference, Spec, World, doubled
from orders_app.approval_policy import policy_problems
from orders_app.models import ApprovalPolicy
from orders_app.policies import policy_spec


def _anything(value: Any) -> None:
    """Looked at by `policy_problems`."""
    return


FIELDS = {
    "name": Field(short_name, required=True),
    "enabled": Field(flag),
    "namespace": Field(scope),
    "tenant": Field(scope),
    "reasons": Field(_anything),
    "reason_required": Field(flag),
    "risk": Field(mapping),
    "ties": Field(mapping),
    "reminders": Field(_anything),
    "escalation": Field(mapping),
    "key_holders": Field(mapping),
}


class ApprovalPolicies(Kind):
    section = "approval_policies"
    title = "approval policy"
    file = "approvals.yaml"
    area = config_versions.APPROVALS
    defaults = {
        "namespace": "*",
        "tenant": "*",
        "enabled": True,
        "reasons": [],
        "reason_required": False,
        "risk": {},
        "ties": {},
        "reminders": [],
        "escalation": {},
        "key_holders": {},
    }

    def rows(self) -> QuerySet[ApprovalPolicy]:
        return ApprovalPolicy.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        return check_fields(spec, FIELDS) or policy_problems(spec)

    def to_spec(self, row: ApprovalPolicy) -> Spec:
        return self.canonical({**policy_spec(row), "enabled": row.enabled})

    def references(self, spec: Spec) -> list[Reference]:
        """The providers that tell somebody. Groups are people's, and no file's."""
        named = [(f"reminders[{at}].provider", one) for at, one in enumerate(spec.get("reminders") or ())]
        named.append(("escalation.provider", spec.get("escalation") or {}))
        return [
            Reference(field, "providers", (str(one["provider"]),))
            for field, one in named
            if isinstance(one, dict) and one.get("provider")
        ]

    def cross_check(self, world: World) -> Iterable[Misfit]:
        """Two for the same namespace and tenant: neither would be the closer one."""
        enabled = {
            identity: spec for identity, spec in world[self.section].items() if spec.get("enabled", True)
        }
        claims = {
            identity: (spec.get("namespace", "*"), spec.get("tenant", "*"))
            for identity, spec in enabled.items()
        }
        yield from doubled(self.section, claims, "tenant", "is for the same shops as approval policy")
