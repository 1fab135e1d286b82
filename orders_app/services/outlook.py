"""What would become of an action that is tried: its gates as they are now, read without a lock, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from acteon_site.base.clock_text import moment, span_text
from acteon_site.base.errors import AppError
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import SYSTEM
from audit_app.selectors import current_redactor
from orders_app.contract.actions import Action, stored_action
from orders_app.models import Order
from orders_app.pipeline.counting import action_count
from orders_app.pipeline.decide import action_decide, view_of
from orders_app.pipeline.gate import quota_uses, throttle_slot
from orders_app.pipeline.gate_state import (
    REFUSING,
    GateState,
    chain_of,
    dedup_gate_key,
    dedup_of,
    gate_state_read,
    throttles_of,
)
from orders_app.pipeline.items import Decided, Submission
from rules_app.engine import ActionView, RequestApproval, RuleSet, Schedule
from rules_app.engine.counters import micros, moment_of
from rules_app.selectors import current_rules
from rules_app.services.trying import Outlook, Start


def start_of_order(key: str) -> Start | None:
    """A stored order to try the rules with, at the time at which it came."""
    pk = as_uuid(key)
    order = Order.objects.select_related("action").filter(pk=pk).first() if pk else None
    if order is None:
        return None
    action = stored_action(order.action.body)
    shown = current_redactor().scrubber(action.payload, action.tainted).payload
    return Start(order.fingerprint, view_of(action), shown, order.action.received_at)


def cleaner_of(payload: Mapping[str, Any]) -> Callable[[Any], Any]:
    return current_redactor().scrubber(payload).clean


def outlook_of_action(view: ActionView, now: datetime, rules: RuleSet | None = None) -> Outlook:
    """By the rules in force, or these. Nothing is counted or stored. Raises 422 where a dispatch would refuse the
    action's fields."""
    submitted = Submission(SYSTEM, "", timezone.now(), now)
    due = action_decide(_action(view), rules or current_rules(), submitted)
    state = gate_state_read([due])
    item = action_count(due, state)
    if isinstance(item, AppError):
        raise item
    if item.plan.failed or item.plan.verdict in REFUSING:
        return Outlook(then=["It would be refused; no gate is asked."])
    return Outlook(list(_gates(item, state)), list(_then(item, now)))


def _action(view: ActionView) -> Action:
    texts: dict[str, Any] = {
        name: getattr(view, name) or "" for name in ("dedup_key", "fingerprint", "status", "template")
    }
    names = (view.namespace, view.tenant, view.provider, view.action_type)
    return Action(
        *names, view.payload, id=view.id, given_id=bool(view.id), metadata=dict(view.metadata), **texts
    )


def _gates(item: Decided, state: GateState) -> Iterator[str]:
    living = state.living.get(item.order_name) if item.order_name else None
    if living is not None:
        yield f"The order lives already, placed by {living.action_id_text}: refused as a repeat."
    rule, gate = dedup_of(item), state.gate(dedup_gate_key(item))
    if rule is not None:
        first = gate.data.get("action_id") if gate else None
        yield f"{rule.name}: " + (f"its key is taken by {first}" if first else "no earlier one has its key")
    yield from _counted(item, state)
    blocked = state.blocked.get(item.called_provider)
    yield f"Circuit breaker of {item.called_provider}: {'not called now' if blocked else 'lets calls pass'}"


def _counted(item: Decided, state: GateState) -> Iterator[str]:
    for rule in throttles_of(item):
        slot = throttle_slot(item, rule, state)
        wait = (moment_of(slot) - state.now).total_seconds()
        full = slot > micros(state.now)
        yield f"{rule.name}: " + (
            f"full, the next place is free in {span_text(wait)}" if full else "has room"
        )
    for quota, used in quota_uses(item, state):
        yield f"Quota of {quota.max_actions}: {used} used, then {quota.overage_behavior}"


def _then(item: Decided, now: datetime) -> Iterator[str]:
    action = item.plan.rule.action if item.plan.rule else None
    if isinstance(action, RequestApproval):
        limit = span_text(action.timeout_seconds)
        yield f"A person approves or rejects it within {limit}; {action.notify_provider} is told."
    elif isinstance(action, Schedule):
        until = moment_of(micros(now) + action.delay_seconds * 1_000_000)
        yield f"It waits until {moment(until)}; then the rules are asked again."
    elif chain := chain_of(item):
        yield f"The chain {chain.definition.name} starts: {', '.join(step.name for step in chain.definition.steps)}."
    else:
        yield f"The provider {item.called_provider} is called."
