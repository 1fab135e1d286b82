"""Stage 5, Act: runs that tell someone: an approver of what waits, a quota's target of what exceeds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acteon_site.base.clock_text import rfc3339
from acteon_site.base.money import total_of
from chains_app.models import Run
from chains_app.services.runs import Owner, run_of_notice
from orders_app.models import Hold
from orders_app.pipeline.hold_answers import approval_links
from orders_app.pipeline.items import Accepted, Decided
from orders_app.pipeline.rows import UnitOfWork
from orders_app.worth import priced

NOBODY = Owner("", None)


def approval_notice(item: Decided, hold: Hold, unit: UnitOfWork) -> Run | None:
    """None where the rule names no provider that exists."""
    if hold.notify_provider not in unit.state.providers:
        return None
    approve, reject = approval_links(hold)
    payload: dict[str, Any] = {
        "approval_id": str(hold.pk),
        "rule": hold.rule,
        "message": hold.message,
        "expires_at": rfc3339(hold.due_at),
        "approve_url": approve,
        "reject_url": reject,
        "action_id": hold.action_id_text,
        "order": item.scrubber.payload,
    }
    total = priced(item.scrubber.payload, item.lifecycle.spec if item.lifecycle else None)
    if "total_cents" in total:
        payload["amount"] = total_of(total)
    return run_of_notice(
        hold.notify_provider,
        origin=_origin(item, "approval_request", payload),
        owner=Owner("approval_notice", hold.pk),
        now=unit.now,
        until=hold.due_at,
    )


def quota_notices(item: Decided, accepted: Accepted, unit: UnitOfWork) -> list[Run]:
    notices = []
    for quota in accepted.over_quota:
        if quota.overage == "notify":
            payload = {
                "quota_id": str(quota.id),
                "limit": quota.max_actions,
                "namespace": quota.namespace,
                "tenant": quota.tenant,
                "action_id": item.action.id,
            }
            origin = _origin(item, "quota_exceeded", payload)
            notices.append(run_of_notice(quota.overage_target, origin=origin, owner=NOBODY, now=unit.now))
    return notices


def _origin(item: Decided, action_type: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {**item.origin, "payload": payload, "action_type": action_type}
