"""What would become of an action that is tried: its gates as they are or were, and what follows. Nothing is locked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from acteon_site.base.clock_text import moment, parse_time, span_text
from acteon_site.base.errors import AppError
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import SYSTEM
from audit_app.selectors import current_redactor
from orders_app.contract.actions import Action, stored_action
from orders_app.models import Order
from orders_app.pipeline.counting import action_count
from orders_app.pipeline.decide import action_decide, view_of
from orders_app.pipeline.dry_run import verdict_of
from orders_app.pipeline.gate import action_gate
from orders_app.pipeline.gate_state import REFUSING, GateState, chain_of, gate_state_read
from orders_app.pipeline.items import Contradicted, Decided, Refused, Submission
from orders_app.pipeline.muting import muting_in_words
from orders_app.services.gates_told import gates_told
from orders_app.services.past_counts import counts_then
from orders_app.services.past_gates import gates_then
from orders_app.services.past_trail import PastTrail, record_of, sender_of
from rules_app.engine import Group, RequestApproval, Schedule
from rules_app.engine.counters import micros, moment_of
from rules_app.selectors import current_rules
from rules_app.services.past_moments import Moment
from rules_app.services.trying import GateTold, Outlook, Question, Start


def start_of_order(key: str) -> Start | None:
    """A stored order to try the rules with, at the time at which it came."""
    pk = as_uuid(key)
    order = Order.objects.select_related("action").filter(pk=pk).first() if pk else None
    if order is None:
        return None
    row, action = order.action, stored_action(order.action.body)
    shown = current_redactor().scrubber(action.payload, action.tainted).payload
    record = record_of(row)
    rule_time = parse_time(record.verdict_details.get("demo_now")) if record else None
    caller = sender_of(record) if record else SYSTEM
    return Start(
        name=order.fingerprint,
        view=view_of(action),
        shown=shown,
        at=row.received_at,
        action=str(row.pk),
        rule_time=rule_time or row.received_at,
        caller=caller,
    )


def cleaner_of(payload: Mapping[str, Any]) -> Callable[[Any], Any]:
    return current_redactor().scrubber(payload).clean


@dataclass(frozen=True, slots=True)
class _Met:
    """The action with its plan, the gates that it meets, and by their keys what is not known of them."""

    item: Decided
    state: GateState
    unknown: Mapping[str, str] = field(default_factory=dict)
    uncounted: tuple[str, ...] = ()


def outlook_of_action(question: Question) -> Outlook:
    """What a dispatch would come to. Nothing is counted or stored.

    Raises 422 where it would refuse the action's fields.
    """
    at = question.moment.at if question.moment else None
    submitted = Submission(question.caller, "", at or timezone.now(), question.rule_time)
    due = action_decide(_action(question), question.rules or current_rules(), submitted)
    past = question.moment if at and at <= timezone.now() else None
    met = _met_then(due, past, question) if past else _met(due, at)
    if met.uncounted:
        return Outlook(unknown=met.uncounted)
    if met.item.plan.failed or met.item.plan.verdict in REFUSING:
        return Outlook(
            met.item.plan.verdict, met.item.rule_name, then=["It would be refused; no gate is asked."]
        )
    if muting := met.item.muted:
        said = muting_in_words(muting)
        return Outlook(muting.kind, muting.rule or None, then=[f"{said}; no gate is asked."], muting=said)
    told = gates_told(met.item, met.state, met.unknown, past=past is not None)
    if unknown := [one.text for one in told if one.passes is None]:
        return Outlook(gates=told, unknown=unknown)
    return _ended(met, told)


def _ended(met: _Met, told: list[GateTold]) -> Outlook:
    """Asked last: what passes takes its place in memory."""
    result = action_gate(met.item, met.state)
    if isinstance(result, Contradicted):
        return Outlook(gates=told, then=[f"It would be refused: {result.error.message}."])
    verdict, rule = verdict_of(met.item, result)
    then = list(_refused(verdict, rule) if isinstance(result, Refused) else _then(met.item, met.state.now))
    said = muting_in_words(met.item.muting) if met.item.muting else ""
    return Outlook(verdict, rule, told, [*then, f"{said}."] if said else then, muting=said)


def _met(due: Decided, at: datetime | None) -> _Met:
    """As things are now, or at an instant ahead."""
    state = gate_state_read([due], at)
    item = action_count(due, state)
    if isinstance(item, AppError):
        raise item
    return _Met(item, state)


def _met_then(due: Decided, past: Moment, question: Question) -> _Met:
    counts = question.counts
    if counts is None:
        counts = counts_then(question.rules or current_rules(), view_of(due.action), past)
    item = due.again(counts) if due.again else due
    uncounted = tuple(f"counter.{name}: {counts.lacks[name]}" for name in sorted(counts.unknown))
    found = gates_then(item, PastTrail(past))
    return _Met(item, found.state, found.unknown, uncounted)


def _refused(verdict: str, rule: str | None) -> Iterator[str]:
    why = {"deduplicate": "as a repeat", "throttle": "for now"}.get(verdict, "")
    yield " ".join(part for part in ("It would be refused", why, f"by {rule}" if rule else "") if part) + "."


def _then(item: Decided, now: datetime) -> Iterator[str]:
    action = item.plan.rule.action if item.plan.rule else None
    if isinstance(action, RequestApproval):
        limit = span_text(action.timeout_seconds)
        yield f"A person approves or rejects it within {limit}; {action.notify_provider} is told."
    elif isinstance(action, Schedule):
        until = moment_of(micros(now) + action.delay_seconds * 1_000_000)
        yield f"It waits until {moment(until)}; then the rules are asked again."
    elif isinstance(action, Group):
        wait = span_text(action.group_wait_seconds)
        yield f"It is gathered with others, and {item.action.provider} gets them in one call, {wait} after the first."
    elif chain := chain_of(item):
        yield f"The chain {chain.definition.name} starts: {', '.join(step.name for step in chain.definition.steps)}."
    else:
        yield f"The provider {item.called_provider} is called."


def _action(question: Question) -> Action:
    view = question.view
    texts: dict[str, Any] = {
        name: getattr(view, name) or "" for name in ("dedup_key", "fingerprint", "status", "template")
    }
    names = (view.namespace, view.tenant, view.provider, view.action_type)
    return Action(
        *names, view.payload, id=view.id, given_id=bool(view.id), metadata=dict(view.metadata), **texts
    )
