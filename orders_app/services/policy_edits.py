"""Saving and deleting approval policies as people edit them, checked as a load checks them."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem, invalid_fields
from acteon_site.base.names import name_problem
from chains_app.models import Provider
from orders_app.approval_policy import policy_problems
from orders_app.models import ApprovalPolicy
from orders_app.policies import policy_spec


def policy_row_problems(policy: ApprovalPolicy) -> list[FieldProblem]:
    """Everything that is wrong with the row, other policies, providers and groups considered."""
    spec = policy_spec(policy)
    names = [
        FieldProblem(field, problem)
        for field in ("namespace", "tenant")
        if (problem := name_problem(spec[field], colon_allowed=False))
    ]
    problems = names + policy_problems(spec)
    return problems or [*_rivals(policy), *_unknown(policy)]


def _rivals(policy: ApprovalPolicy) -> list[FieldProblem]:
    same = ApprovalPolicy.objects.filter(enabled=True, namespace=policy.namespace, tenant=policy.tenant)
    rival = same.exclude(pk=policy.pk).first() if policy.enabled else None
    return [FieldProblem("tenant", f'is for the same shops as approval policy "{rival}"')] if rival else []


def _unknown(policy: ApprovalPolicy) -> list[FieldProblem]:
    notices = [(f"reminders[{at}]", one) for at, one in enumerate(policy.reminders)]
    notices += [("escalation", policy.escalation)] if policy.escalation else []
    known = set(Provider.objects.values_list("name", flat=True)) if notices else set()
    problems = [
        FieldProblem(f"{path}.provider", f"there is no provider {one['provider']!r}")
        for path, one in notices
        if one.get("provider") and one["provider"] not in known
    ]
    group = policy.escalation.get("group") if policy.escalation else ""
    if group and not Group.objects.filter(name=group).exists():
        problems.append(FieldProblem("escalation.group", f"there is no group {group!r}"))
    return problems


@transaction.atomic
def policy_save(*, policy: ApprovalPolicy, actor: str) -> ApprovalPolicy:
    """Save the row as a person left it; every process goes by it within a second. Raises 422."""
    problems = policy_row_problems(policy)
    if problems:
        raise invalid_fields(problems)
    policy.edited_by, policy.edited_at = actor, timezone.now()
    policy.save()
    config_versions.touch(config_versions.APPROVALS)
    return policy


@transaction.atomic
def policy_delete(*, policy: ApprovalPolicy) -> None:
    policy.delete()
    config_versions.touch(config_versions.APPROVALS)
