"""Dispatching a stored original again, under a new id. What took effect is never run twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from acteon_site.base.errors import AppError, invalid, not_found
from acteon_site.base.ids import new_id
from audit_app.models import AuditRecord
from orders_app.actions import stored_action
from orders_app.models import Action, Order
from orders_app.outcomes import Outcome
from orders_app.pipeline.dispatch import dispatch_many
from orders_app.pipeline.items import Submission

REPLAYABLE = ("failed", "throttled", "circuit_open", "quota_exceeded")


@dataclass(frozen=True, slots=True)
class Replayed:
    original_id: str
    new_id: str | None
    outcome: Outcome | None
    error: str | None
    skipped: bool = False

    def wire(self) -> dict[str, Any]:
        return {
            "original_action_id": self.original_id,
            "new_action_id": self.new_id,
            "success": self.outcome is not None and self.error is None,
            "error": self.error,
            "outcome": self.outcome.wire() if self.outcome else None,
        }


def original_of(namespace: str, tenant: str, action_id: str) -> Action:
    """The stored original of an action. Raises 404 (never seen) and 422 (seen, but gone)."""
    row = (
        Action.objects.filter(namespace=namespace, tenant=tenant, action_id=action_id)
        .order_by("-received_at")
        .first()
    )
    if row is not None:
        return row
    if AuditRecord.objects.filter(namespace=namespace, tenant=tenant, action_id=action_id).exists():
        raise invalid(f"the original of action {action_id!r} is no longer stored")
    raise not_found(f"no action has the id {action_id!r} here")


def action_replay(original: Action, submission: Submission) -> Replayed:
    """Dispatch it anew; skipped where its order took effect."""
    if _took_effect(original):
        return Replayed(
            original.action_id, None, None, "its order took effect; it is never run again", skipped=True
        )
    stored = stored_action(original.body)
    body = {**_as_sent(original.body), "id": str(new_id()), "payload": stored.payload}
    result = dispatch_many([body], submission).results[0]
    if isinstance(result, AppError):
        return Replayed(original.action_id, body["id"], None, result.message)
    failed = str(result.content["message"]) if result.tag == "Failed" else None
    return Replayed(original.action_id, body["id"], result, failed)


def _took_effect(original: Action) -> bool:
    return Order.objects.filter(action=original, living=True).exists()


def _as_sent(stored: dict[str, Any]) -> dict[str, Any]:
    """The template's fields are in the payload already; an id that the gateway made is not given again."""
    left_out = ("given_id", "extras", "tainted", "template", "id")
    return {
        **{name: value for name, value in stored.items() if name not in left_out and value != ""},
        **stored["extras"],
    }


def replay_many(originals: list[Action], submission: Submission) -> list[Replayed]:
    return [action_replay(original, submission) for original in originals]


def submission_for(caller: Any, request_id: str) -> Submission:
    return Submission(caller, request_id, timezone.now())
