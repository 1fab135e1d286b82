"""Recurring actions and their firings as the contract shows them."""

from __future__ import annotations

from typing import Any

from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from orders_app.models import RecurringAction, RecurringFiring
from orders_app.services.recurring.hidden import shown
from orders_app.services.recurring.history import Upcoming


def recurring_made(row: RecurringAction) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "name": row.name,
        "next_execution_at": _next(row),
        "status": row.status,
    }


def recurring_row(row: RecurringAction) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "name": row.name,
        "namespace": row.namespace,
        "tenant": row.tenant,
        "cron_expr": row.cron_expression,
        "timezone": row.timezone,
        "enabled": row.enabled,
        "status": row.status,
        "provider": row.provider,
        "action_type": row.action_type,
        "next_execution_at": _next(row),
        "execution_count": row.execution_count,
        "description": row.description,
        "created_at": rfc3339(row.created_at),
    }


def recurring_detail(row: RecurringAction) -> dict[str, Any]:
    return {
        **recurring_row(row),
        **shown(row),
        "dedup_key": row.dedup_key or None,
        "last_executed_at": rfc3339_or_none(row.last_at),
        "starts_at": rfc3339_or_none(row.starts_at),
        "ends_at": rfc3339_or_none(row.ends_at),
        "max_executions": row.max_executions,
        "overlap_policy": row.overlap_policy,
        "missed": row.missed,
        "labels": row.labels,
        "problem": row.problem or None,
        "updated_at": rfc3339(row.updated_at),
    }


def firing_shape(firing: RecurringFiring) -> dict[str, Any]:
    return {
        "id": str(firing.pk),
        "recurring_id": str(firing.recurring_id),
        "occurrence": rfc3339(firing.occurrence),
        "kind": firing.kind,
        "fired_at": rfc3339(firing.fired_at),
        "action_id": firing.action_id or None,
        "outcome": firing.outcome,
        "reason": firing.reason or None,
        "count": firing.count,
    }


def upcoming_shape(one: Upcoming) -> dict[str, Any]:
    return {"at": rfc3339(one.at), "local": one.local.isoformat(), "viewer": one.viewer.isoformat()}


def _next(row: RecurringAction) -> str | None:
    """Of a paused one there is no next."""
    return rfc3339_or_none(row.next_at if row.enabled else None)
