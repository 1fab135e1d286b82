"""Saving and deleting lifecycles as people edit them, checked as a load checks them."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem, conflict, invalid_fields
from orders_app.lifecycles.spec import parse_lifecycle
from orders_app.models import Lifecycle, Order
from orders_app.selectors import lifecycle_spec


def lifecycle_problems(lifecycle: Lifecycle) -> list[FieldProblem]:
    """Everything that is wrong with the row, other lifecycles considered."""
    _, problems = parse_lifecycle(lifecycle_spec(lifecycle))
    return problems or _rivals(lifecycle)


def _rivals(lifecycle: Lifecycle) -> list[FieldProblem]:
    """Of two that claim the same actions neither would be the more specific one."""
    if not lifecycle.enabled:
        return []
    same = Lifecycle.objects.filter(
        enabled=True,
        namespace=lifecycle.namespace,
        tenant=lifecycle.tenant,
        action_type=lifecycle.action_type,
    )
    rival = same.exclude(pk=lifecycle.pk).first()
    if rival is None:
        return []
    return [FieldProblem("action_type", f'claims the same actions as lifecycle "{rival.name}"')]


@transaction.atomic
def lifecycle_save(*, lifecycle: Lifecycle, actor: str) -> Lifecycle:
    """Save the row as a person left it; every process decides by it within a second. Raises 422."""
    problems = lifecycle_problems(lifecycle)
    if problems:
        raise invalid_fields(problems)
    lifecycle.edited_by, lifecycle.edited_at = actor, timezone.now()
    lifecycle.save()
    config_versions.touch(config_versions.LIFECYCLES)
    return lifecycle


@transaction.atomic
def lifecycle_delete(*, lifecycle: Lifecycle) -> None:
    """Raises 409 once orders were placed under it: their history names its states."""
    if Order.objects.filter(lifecycle=lifecycle).exists():
        raise conflict("orders were placed under it; switch it off instead")
    lifecycle.delete()
    config_versions.touch(config_versions.LIFECYCLES)
