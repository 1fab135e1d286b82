"""Whether the states that a chain's steps move orders to exist, and the steps that move their money. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from acteon_site.base.errors import FieldProblem
from chains_app.definitions import Definition, Trigger, placed_steps
from chains_app.definitions.reader import suggestion
from orders_app.lifecycles.spec import LifecycleSpec


def transition_problems(definition: Definition, lifecycles: Iterable[LifecycleSpec]) -> list[FieldProblem]:
    """A problem for each `transition_to` that no lifecycle of the triggering actions has.

    A chain without a trigger may move orders of any lifecycle. Nothing is said where no lifecycle comes into question.
    """
    trigger = definition.trigger
    owners = [spec for spec in lifecycles if trigger is None or _may_claim(spec, trigger)]
    states = tuple(dict.fromkeys(state for spec in owners for state in spec.states))
    names = " or ".join(spec.name for spec in owners)
    return [
        FieldProblem(
            f"{place}.transition_to",
            f'"{step.transition_to}" is no state of lifecycle {names}{suggestion(step.transition_to, states)}',
        )
        for place, step, _ in placed_steps(definition.steps)
        if owners and step.transition_to and step.transition_to not in states
    ]


def money_step_problems(spec: LifecycleSpec, definitions: Iterable[Definition]) -> list[FieldProblem]:
    """A problem where a chain that the lifecycle's orders trigger lacks the step that charges, or refunds.

    Only a call of the chain itself can be that: what a sub-chain does is known to the sub-chain.
    """
    begun = [one for one in definitions if one.trigger is not None and _may_claim(spec, one.trigger)]
    named = [("charges", spec.charges), ("refunds", spec.refunds)]
    return [
        FieldProblem(
            f"{key}.step",
            f'"{money.step}" is no call of chain {chain.name}{suggestion(money.step, _calls(chain))}',
        )
        for key, money in named
        for chain in begun
        if money and money.step and money.step not in _calls(chain)
    ]


def _calls(definition: Definition) -> tuple[str, ...]:
    return tuple(step.name for step in definition.steps if step.provider)


def _may_claim(spec: LifecycleSpec, trigger: Trigger) -> bool:
    """Some action that triggers the chain may be an order of this lifecycle."""
    pairs = (
        (spec.action_type, trigger.action_type),
        (spec.namespace, trigger.namespace),
        (spec.tenant, trigger.tenant),
    )
    return all(own == given or "*" in (own, given) for own, given in pairs)
