"""Orders, holds and templates as the contract shows them."""

from __future__ import annotations

from typing import Any

from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from acteon_site.base.principals import Principal
from audit_app.selectors import current_redactor
from orders_app.contract.actions import stored_action
from orders_app.models import ActionGroup, GroupedAction, Hold, Order, Template, TemplateProfile
from orders_app.selectors import lifecycle_of
from orders_app.services.refunding import Ledger, ledger_of
from orders_app.states import UNMOVABLE


def order_shape(order: Order) -> dict[str, Any]:
    return {
        "fingerprint": order.fingerprint,
        "state": order.state,
        "action_type": order.action_type,
        "updated_at": rfc3339(order.updated_at),
    }


def order_detail(order: Order, caller: Principal) -> dict[str, Any]:
    history = [
        {"from": move.from_state, "to": move.to_state, "at": rfc3339(move.at), "actor": move.actor}
        for move in order.moves.all()
    ]
    allowed = [] if order.status in UNMOVABLE else list(lifecycle_of(order).allowed(order.state))
    return {
        **order_shape(order),
        "status": order.status,
        "reason": order.reason,
        "action_id": order.action_id_text,
        "chain_id": str(order.run_id) if order.run_id else None,
        "history": history,
        "allowed": allowed,
        "ledger": _ledger_shape(ledger_of(order, caller)),
        "refund": _refund_shape(order, caller),
    }


def _ledger_shape(ledger: Ledger | None) -> dict[str, Any] | None:
    """Null of what charges nothing; an amount is null as long as nobody knows it."""
    if ledger is None:
        return None
    known = not ledger.charged.problem
    return {
        "charged_cents": ledger.charged.amount if known else None,
        "currency": ledger.charged.currency,
        "refunded_cents": ledger.refunded,
        "in_doubt_cents": ledger.reserved,
        "left_cents": ledger.left if known else 0,
        "why_not": ledger.charged.problem,
        "refunds": [
            {
                "fingerprint": refund.fingerprint,
                "amount_cents": refund.refund_amount or 0,
                "refund": refund.refund_state,
                "state": refund.state,
                "status": refund.status,
                "created_at": rfc3339(refund.created_at),
            }
            for refund in ledger.refunds
        ],
    }


def _refund_shape(order: Order, caller: Principal) -> dict[str, Any] | None:
    if not order.refund_state:
        return None
    of = order.refund_of
    seen = of is not None and caller.covers_action(of.namespace, of.tenant, of.provider, of.action_type)
    return {
        "of": of.fingerprint if of is not None and seen else "",
        "amount_cents": order.refund_amount or 0,
        "refund": order.refund_state,
    }


def approval_shape(hold: Hold) -> dict[str, Any]:
    """Signed links are never shown here."""
    return {
        "token": str(hold.pk),
        "status": hold.status,
        "rule": hold.rule,
        "created_at": rfc3339(hold.created_at),
        "expires_at": rfc3339(hold.due_at),
        "decided_at": rfc3339_or_none(hold.decided_at),
        "message": hold.message,
        "action_id": hold.action_id_text,
        "decided_by": hold.decided_by or None,
    }


def scheduled_shape(hold: Hold) -> dict[str, Any]:
    return {
        "action_id": hold.action_id_text,
        "fingerprint": hold.order.fingerprint if hold.order else hold.action_id_text,
        "rule": hold.rule,
        "status": hold.status,
        "scheduled_for": rfc3339(hold.due_at),
    }


def group_shape(group: ActionGroup) -> dict[str, Any]:
    return {
        "group_id": str(group.pk),
        "group_key": group.group_key,
        "event_count": group.event_count,
        "state": group.state,
        "notify_at": rfc3339(group.notify_at),
        "created_at": rfc3339(group.created_at),
        "rule": group.rule,
        "provider": group.provider,
        "action_type": group.action_type,
        "closed_by": group.closed_by or None,
        "ended_at": rfc3339_or_none(group.ended_at),
        "problem": group.problem or None,
    }


def grouped_shape(member: GroupedAction) -> dict[str, Any]:
    """Redacted, as the trail shows it."""
    action = stored_action(member.body)
    scrubber = current_redactor().scrubber(action.payload, action.tainted)
    return {
        "action_id": action.id,
        "payload": scrubber.payload,
        "metadata": scrubber.clean(action.metadata),
        "received_at": rfc3339(member.added_at),
    }


def template_shape(template: Template) -> dict[str, Any]:
    return {**_named(template), "content": template.content}


def profile_shape(profile: TemplateProfile) -> dict[str, Any]:
    return {**_named(profile), "fields": profile.fields}


def _named(row: Template | TemplateProfile) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "name": row.name,
        "namespace": row.namespace,
        "tenant": row.tenant,
        "description": row.description,
        "labels": row.labels,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
    }
