"""What an order has charged: by its lifecycle's configuration, and by what its run came to.

Whoever asks has locked the order, so that its run neither ends nor is cancelled meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from chains_app.engine.ending import in_doubt, past_point_of_no_return
from chains_app.models import Run
from chains_app.services.loaded_runs import LoadedRun, resting_turn, run_load
from chains_app.states import RunKind, RunStatus, StepStatus, Undo
from orders_app.contract.actions import stored_action
from orders_app.lifecycles.charging import Charges
from orders_app.models import Order
from orders_app.selectors import lifecycle_of
from orders_app.states import OrderStatus


class Effect(Enum):
    """Of a step that moves money."""

    NONE = "none"
    STANDS = "stands"
    DOUBT = "doubt"  # nobody knows


class Stepped(Protocol):
    """A step, as its row or as the machine has it."""

    name: str
    status: str
    unknown: bool
    undo: str


@dataclass(frozen=True, slots=True)
class Charged:
    """`problem` says why nothing of it can be given back now, `passing` that this may be over later."""

    amount: int = 0
    currency: str = ""
    problem: str = ""
    passing: bool = False


def charged_of(order: Order) -> Charged:
    """What can be given back of the order, if anything; from its ledger, else from its run."""
    charges = lifecycle_of(order).charges
    if charges is None:
        return Charged(problem="orders of its kind charge nothing that could be refunded")
    if order.charged is not None:
        return Charged(order.charged, order.currency)
    if order.run_id is None:
        return Charged(problem=f"it is {order.status}: nothing is charged", passing=order.living)
    run = Run.objects.filter(pk=order.run_id).first()
    return _by_run(run, charges) if run else _by_action(order, charges)


def _by_action(order: Order, charges: Charges) -> Charged:
    """Of an order from before there were ledgers, whose run retention has removed: what was submitted."""
    if order.status != OrderStatus.COMPLETED:
        return Charged(problem="what it charged is not known any more")
    payload = stored_action(order.action.body).payload
    return Charged(charges.amount_in(payload), charges.currency_in(payload))


def _by_run(run: Run, charges: Charges) -> Charged:
    loaded = run_load(run)
    payload = run.origin["payload"]
    charged = Charged(charges.amount_in(payload), charges.currency_in(payload))
    if run.ended_at is None and not _cannot_be_undone(loaded, charges.step):
        cancel = "its charge may still be undone by itself; cancel it, or wait until it is done"
        return Charged(problem=f"it is being processed: {cancel}", passing=True)
    steps = loaded.state.steps.values()
    effect = charge_effect(run, steps, charges.step, doubt=in_doubt(resting_turn(loaded)))
    if effect is Effect.DOUBT:
        return Charged(problem="nobody knows whether it was charged", passing=True)
    if effect is Effect.NONE and run.ended_at is None:
        return Charged(problem="it is being processed: nothing is charged yet", passing=True)
    return charged if effect is Effect.STANDS else Charged(0, charged.currency)


def _cannot_be_undone(loaded: LoadedRun, step: str) -> bool:
    """Of a run that goes on: past its point of no return nothing is compensated by itself. A charge that declares no
    compensation is not either, once it is done."""
    if past_point_of_no_return(resting_turn(loaded)):
        return True
    if not loaded.definition.has_step(step) or loaded.definition.step(step).compensate:
        return False
    return loaded.state.step(step).status == StepStatus.COMPLETED


def charge_effect(run: Run, steps: Iterable[Stepped], step: str, *, doubt: bool) -> Effect:
    """Whether the amount was charged. What was rerouted elsewhere has called no step of that name."""
    if step:
        return effect_of_step(steps, step)
    return _of_whole(run, doubt=doubt)


def refund_effect(run: Run, steps: Iterable[Stepped], step: str, *, doubt: bool) -> Effect:
    """Whether it was paid back. Whoever took a rerouted refund over may have paid: it counts if that call succeeded."""
    if step and run.kind == RunKind.CHAIN:
        return effect_of_step(steps, step)
    return _of_whole(run, doubt=doubt)


def _of_whole(run: Run, *, doubt: bool) -> Effect:
    if run.status == RunStatus.COMPLETED:
        return Effect.STANDS
    return Effect.DOUBT if doubt else Effect.NONE


def effect_of_step(steps: Iterable[Stepped], name: str) -> Effect:
    step = next((one for one in steps if one.name == name), None)
    if step is None:
        return Effect.NONE
    if step.status != StepStatus.COMPLETED:
        return Effect.DOUBT if step.unknown else Effect.NONE
    if step.undo == Undo.NONE:
        return Effect.STANDS
    if step.undo == Undo.DONE:
        # A person left its compensation out, and knows that nothing was paid back.
        return Effect.STANDS if step.unknown else Effect.NONE
    return Effect.DOUBT
