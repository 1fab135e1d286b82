"""Whether the states that a chain's steps move orders to exist. Pure."""

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


def _may_claim(spec: LifecycleSpec, trigger: Trigger) -> bool:
    """Some action that triggers the chain may be an order of this lifecycle."""
    pairs = (
        (spec.action_type, trigger.action_type),
        (spec.namespace, trigger.namespace),
        (spec.tenant, trigger.tenant),
    )
    return all(own == given or "*" in (own, given) for own, given in pairs)
