"""The pipeline, composed: admit, enrich, decide, gate, act, and last the calls that the request waits for.

A set of actions is decided in memory, gated and written in one transaction whose number of statements does not
depend on the set's size; a single order is a set of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.errors import AppError
from acteon_site.base.retrying import retry_on_deadlock
from chains_app.models import Run
from chains_app.services.inline import runs_within
from orders_app.contract.outcomes import Outcome
from orders_app.models import Hold
from orders_app.pipeline.act import action_act
from orders_app.pipeline.admit import action_admit
from orders_app.pipeline.decide import action_decide, require_one_spelling
from orders_app.pipeline.enrich import action_enrich
from orders_app.pipeline.gate import action_gate
from orders_app.pipeline.gate_state import gate_state_lock
from orders_app.pipeline.hold_answers import hold_outcome
from orders_app.pipeline.items import Decided, Processed, Submission
from orders_app.pipeline.rows import unit_of_work
from orders_app.services.run_outcomes import single_outcome
from rules_app.engine import RuleSet
from rules_app.selectors import current_rules
from rules_app.services.gates import gates_write

CALL_SECONDS = 20.0
NOTICE_SECONDS = 2.0

Result = Outcome | AppError
# Called inside the transaction with what was done, if anything: the Idempotency-Key's answer is stored with the order.
InTransaction = Callable[[Sequence[Processed]], None]


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One result for each body, in order; `processed` are those that have an outcome."""

    results: list[Result]
    processed: list[Processed]


def dispatch_many(
    bodies: Sequence[Any], submission: Submission, *, in_transaction: InTransaction | None = None
) -> Dispatched:
    """Dispatch decoded JSON bodies. An item that cannot be dispatched becomes its error and harms no other.

    Raises 503 where no set of rules has ever been loaded, and whatever `in_transaction` raises.
    """
    decided, errors = decide_all(bodies, submission)
    gated = gate_and_act(decided, submission, in_transaction) if decided else []
    errors.update({done.item.position: done.error for done in gated if done.error})
    processed = [done for done in gated if not done.error]
    positions = (done.item.position for done in processed)
    outcomes = dict(zip(positions, outcomes_after_calls(processed), strict=True))
    return Dispatched(in_order(outcomes, errors, len(bodies)), processed)


def decide_all(bodies: Sequence[Any], submission: Submission) -> tuple[list[Decided], dict[int, AppError]]:
    """Stages 1 to 3 for each body: those that may go on, and the errors of the others by position."""
    rules = current_rules()
    decided, errors = [], {}
    for position, body in enumerate(bodies):
        try:
            decided.append(_decide_one(position, body, rules, submission))
        except AppError as error:
            errors[position] = error
    return decided, errors


def _decide_one(position: int, body: Any, rules: RuleSet, submission: Submission) -> Decided:
    action = action_enrich(action_admit(body, submission.caller))
    item = action_decide(action, rules, submission.rule_time, position=position)
    require_one_spelling(item)
    return item


def in_order(outcomes: Mapping[int, Result], errors: dict[int, AppError], count: int) -> list[Result]:
    """Each position's outcome or error; every position has one."""
    found: dict[int, Result] = {**outcomes, **errors}
    return [found[position] for position in range(count)]


@retry_on_deadlock
def gate_and_act(
    decided: Sequence[Decided], submission: Submission, in_transaction: InTransaction | None = None
) -> list[Processed]:
    """Stages 4 and 5 in one transaction. Repeatable as a whole: it changes nothing outside it."""
    with transaction.atomic():
        state = gate_state_lock(decided, submission.caller.caller_id, submission.received_at)
        unit = unit_of_work(submission, state)
        processed = [action_act(item, action_gate(item, state), unit) for item in decided]
        gates_write(state.gates.values())
        unit.rows.write()
        if in_transaction is not None and not all(done.error for done in processed):
            in_transaction(processed)
    return processed


def outcomes_after_calls(processed: Sequence[Processed]) -> list[Outcome]:
    """Make the calls that the request waits for, after the commit, and give every action's outcome."""
    calls = [(done.run.pk, done.item.called_provider) for done in processed if done.run]
    notices = [(done.notice.pk, done.hold) for done in processed if done.notice and done.hold]
    runs_within([run for run, _ in calls], [provider for _, provider in calls], CALL_SECONDS)
    runs_within([run for run, _ in notices], [hold.notify_provider for _, hold in notices], NOTICE_SECONDS)
    runs = Run.objects.prefetch_related("steps").in_bulk([run for run, _ in calls])
    holds = Hold.objects.in_bulk([hold.pk for _, hold in notices])
    return [_outcome(done, runs, holds) for done in processed]


def _outcome(done: Processed, runs: dict[UUID, Run], holds: dict[UUID, Hold]) -> Outcome:
    if done.run is not None:
        return single_outcome(runs[done.run.pk])
    if done.hold is not None and done.hold.pk in holds:
        return hold_outcome(holds[done.hold.pk])
    if done.outcome is None:
        raise AssertionError("an action without a call has its outcome")
    return done.outcome
