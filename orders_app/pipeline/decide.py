"""Stage 3, Decide: the rules' plan for one action. No I/O but configuration that is already in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Any

from acteon_site.base.errors import FieldProblem, invalid, invalid_fields
from acteon_site.base.ids import new_id
from acteon_site.base.names import identity_problem, name_problem
from acteon_site.base.principals import Principal, caller_facts
from audit_app.selectors import current_redactor
from orders_app.contract.actions import Action
from orders_app.lifecycles.fields import check_payload
from orders_app.lifecycles.spec import LifecycleSpec
from orders_app.pipeline.items import Decided, Submission
from orders_app.pipeline.muting import action_muting
from orders_app.selectors import CurrentLifecycle, lifecycle_for
from rules_app.engine import ActionView, Cleared, Plan, RuleSet, decide
from rules_app.engine.scope import Counts
from rules_app.services.counting import counters_met

PayloadCheck = Callable[[dict[str, Any]], dict[str, Any]]
Judge = Callable[[dict[str, Any]], tuple[dict[str, Any], list[FieldProblem]]]


def action_decide(
    action: Action,
    rules: RuleSet,
    submission: Submission,
    *,
    position: int = 0,
    cleared: Collection[Cleared] = (),
    counts: Counts | None = None,
    mutes: bool = True,
) -> Decided:
    """What the rules plan for this action, its payload in normal form. Raises 422 where a typed field is wrong.

    `counts`: what it finds in counters; None: as if nothing had been counted, to be decided again in the gate.
    `mutes`: whether silences and time intervals are asked: not of what is released, nor where rules alone matter.
    """
    given, lifecycle = action, lifecycle_for(action.namespace, action.tenant, action.action_type)
    check = _check_of(lifecycle)
    if check is not None:
        action = action.with_payload(check(action.payload))
    view = view_sent(action, submission.caller, _order_name(action, lifecycle))
    plan = decide(rules, view, submission.rule_time, cleared=cleared, check_payload=check, counts=counts)
    if plan.failed and plan.failed.error:
        raise plan.failed.error  # a modify rule made a payload that the lifecycle refuses
    item = Decided(
        position=position,
        row_id=new_id(),
        submission=submission,
        action=action,
        origin=action.with_payload(plan.payload).stored(),
        plan=plan,
        ruleset_version=rules.version,
        lists_version=_lists_version(rules, view),
        lifecycle=lifecycle,
        fingerprint=fingerprint_of(action, plan, lifecycle),
        scrubber=current_redactor().scrubber(plan.payload, action.tainted),
        asked_role=str(view.caller["caller.role"]) if rules.asks_callers else "",
        muting=action_muting(plan, view, rules, submission, lifecycle) if mutes else None,
    )
    if counts is not None or not (rules.counters or _asks_order(rules, lifecycle)):
        return item
    again = partial(action_decide, given, rules, submission, position=position, cleared=cleared, mutes=mutes)
    return _with_counters(item, view, rules, again, cleared=bool(cleared))


def _asks_order(rules: RuleSet, lifecycle: CurrentLifecycle | None) -> bool:
    """Whether rules may ask what the ledger of a refund's order says, which is known once that is locked."""
    return rules.asks_orders and lifecycle is not None and lifecycle.spec.refunds is not None


def _with_counters(
    item: Decided, view: ActionView, rules: RuleSet, again: Callable[..., Decided], *, cleared: bool
) -> Decided:
    """With the counters that it meets and, where rules ask any, how it is decided once they are known."""
    asked = rules.asked(view, cleared=cleared)
    met = counters_met(rules.counters, view, asked)
    if not any(one.asked for one in met) and not _asks_order(rules, item.lifecycle):
        return replace(item, met=met)
    rules_asked = rules.rules if cleared else rules.concerned.of(view)
    possible = tuple(rule for rule in rules_asked if rule.enabled and rule.covers(view))
    return replace(item, met=met, possible=possible, again=lambda counts: again(counts=counts))


def _lists_version(rules: RuleSet, view: ActionView) -> int | None:
    """How the named lists stood, where a rule about such an action asks any."""
    return rules.lists.version if rules.names_lists and rules.lists_asked(view) else None


def order_name_for(view: ActionView) -> str | None:
    """For evaluations: what its lifecycle calls the order, if one claims the action."""
    lifecycle = lifecycle_for(view.namespace, view.tenant, view.action_type)
    return lifecycle.spec.name_in(view.payload) if lifecycle else None


def payload_check_for(view: ActionView) -> Judge | None:
    """For evaluations: what a dispatch would say of a payload's fields, if a lifecycle claims the action."""
    lifecycle = lifecycle_for(view.namespace, view.tenant, view.action_type)
    return partial(_judged_payload, lifecycle.spec) if lifecycle else None


def _judged_payload(
    spec: LifecycleSpec, payload: dict[str, Any]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    normal, problems = check_payload(spec.fields, payload)
    return normal, problems + _name_problems(spec, normal)


def _check_of(lifecycle: CurrentLifecycle | None) -> PayloadCheck | None:
    return partial(checked_payload, lifecycle.spec) if lifecycle else None


def checked_payload(spec: LifecycleSpec, payload: dict[str, Any]) -> dict[str, Any]:
    normal, problems = check_payload(spec.fields, payload)
    if problems:
        raise invalid_fields(problems)
    return normal


def view_of(action: Action, order_name: str | None = None) -> ActionView:
    return ActionView(
        namespace=action.namespace,
        tenant=action.tenant,
        provider=action.provider,
        action_type=action.action_type,
        payload=action.payload,
        metadata=action.metadata,
        id=action.id,
        dedup_key=action.dedup_key or None,
        fingerprint=action.fingerprint or None,
        status=action.status or None,
        template=action.template or None,
        order_name=order_name,
    )


def view_sent(action: Action, caller: Principal, order_name: str | None = None) -> ActionView:
    """With what rules see of who sent it."""
    return replace(view_of(action, order_name), caller=caller_facts(caller, action.namespace))


def require_one_spelling(item: Decided) -> None:
    """Raises 422 where the field that names the order could be spelt otherwise and look the same.

    Not asked of what is released: an order keeps the name that it once had.
    """
    problems = _name_problems(item.lifecycle.spec, item.plan.payload) if item.lifecycle else []
    if problems:
        raise invalid_fields(problems)


def _name_problems(spec: LifecycleSpec, payload: dict[str, Any]) -> list[FieldProblem]:
    value = payload.get(spec.fingerprint_field)
    problem = identity_problem(value) if isinstance(value, str) else None
    return [FieldProblem(f"payload.{spec.fingerprint_field}", problem)] if problem else []


def _order_name(action: Action, lifecycle: CurrentLifecycle | None) -> str | None:
    """What its lifecycle calls it: rules for a share of orders know it by that, where it has no fingerprint."""
    return lifecycle.spec.name_in(action.payload) if lifecycle else None


def fingerprint_of(action: Action, plan: Plan, lifecycle: CurrentLifecycle | None) -> str:
    """The order's name: given, else the payload field that its lifecycle names (a number as text), else the id."""
    if action.fingerprint or lifecycle is None:
        return action.fingerprint or action.id
    name = lifecycle.spec.fingerprint_field
    value = plan.payload.get(name) if name else None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        return action.id
    if problem := name_problem(value):
        raise invalid(f"payload.{name} {problem}", [FieldProblem(f"payload.{name}", problem)])
    return str(value)
