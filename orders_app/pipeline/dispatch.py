"""The pipeline, composed: admit, enrich, decide, gate, act, and last the calls that the request waits for.

A set of actions is decided in memory, gated and written in one transaction whose number of statements does not
depend on the set's size; a single order is a set of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.breathing import in_breaths
from acteon_site.base.connections import in_breaths_with_locks
from acteon_site.base.errors import AppError
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.statements import pipelined
from chains_app.models import Run, StepRun
from chains_app.services.inline import begun_within, come_to
from orders_app.contract.outcomes import Outcome
from orders_app.models import Hold
from orders_app.pipeline.act import action_act
from orders_app.pipeline.admit import action_admit
from orders_app.pipeline.counting import action_count
from orders_app.pipeline.decide import action_decide, require_one_spelling
from orders_app.pipeline.enrich import action_enrich
from orders_app.pipeline.gate import action_gate
from orders_app.pipeline.gate_state import gate_state_lock
from orders_app.pipeline.hold_answers import hold_outcome
from orders_app.pipeline.items import Decided, Processed, Submission
from orders_app.pipeline.rows import UnitOfWork, unit_of_work
from orders_app.services.run_outcomes import outcome_of_step
from rules_app.engine import RuleSet
from rules_app.selectors import current_rules
from rules_app.services.gates import Statement

CALL_SECONDS = 20.0
NOTICE_SECONDS = 2.0

Result = Outcome | AppError
Submitted = tuple[Any, Submission]  # a decoded JSON body, and the circumstances of its own call


class Alongside:
    """What else belongs into the transaction of a set. It may run more than once, when a deadlock's victim does."""

    def before(self, decided: Sequence[Decided]) -> Sequence[Decided]:
        """Those of them that go on. Called first, before any gate is locked."""
        return decided

    def beside(self) -> Statement | None:
        """What PostgreSQL is asked together with the gates' rows, as a JSON expression."""
        return None

    def locked(self, decided: Sequence[Decided], told: Any) -> Sequence[Decided]:
        """Those of them that go on, by what it has told; None where nothing asked it. Nothing was decided yet."""
        return decided

    def after(self, processed: Sequence[Processed]) -> None:
        """Called last, with what is about to be committed."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One result for each body, in order; `processed` are those that have an outcome."""

    results: list[Result]
    processed: list[Processed]


def dispatch_many(
    bodies: Sequence[Any], submission: Submission, alongside: Alongside | None = None
) -> Dispatched:
    """Dispatch decoded JSON bodies. An item that cannot be dispatched becomes its error and harms no other.

    Raises 503 where no set of rules has ever been loaded, and whatever `alongside` raises.
    """
    decided, errors = decide_all([(body, submission) for body in bodies])
    gated = gate_and_act(decided, alongside) if decided else []
    errors.update(errors_of(gated))
    processed = [done for done in gated if not done.error]
    positions = (done.item.position for done in processed)
    outcomes = dict(zip(positions, outcomes_after_calls(processed), strict=True))
    return Dispatched(in_order(outcomes, errors, len(bodies)), processed)


def decide_all(submitted: Sequence[Submitted]) -> tuple[list[Decided], dict[int, AppError]]:
    """Stages 1 to 3 for each body: those that may go on, and the errors of the others by position.

    Raises 503 where no set of rules has ever been loaded.
    """
    rules = current_rules()
    decided, errors = [], {}
    for position, (body, submission) in enumerate(submitted):
        try:
            decided.append(_decide_one(position, body, rules, submission))
        except AppError as error:
            errors[position] = error
    return decided, errors


def _decide_one(position: int, body: Any, rules: RuleSet, submission: Submission) -> Decided:
    action = action_enrich(action_admit(body, submission))
    item = action_decide(action, rules, submission, position=position)
    require_one_spelling(item)
    return item


def in_order(outcomes: Mapping[int, Result], errors: Mapping[int, AppError], count: int) -> list[Result]:
    """Each position's outcome or error; every position has one."""
    found: dict[int, Result] = {**outcomes, **errors}
    return [found[position] for position in range(count)]


def errors_of(processed: Sequence[Processed]) -> dict[int, AppError]:
    """What the gates did not take, by position."""
    return {done.item.position: done.error for done in processed if done.error}


@retry_on_deadlock
def gate_and_act(decided: Sequence[Decided], alongside: Alongside | None = None) -> list[Processed]:
    """Stages 4 and 5 in one transaction. Repeatable as a whole: it changes nothing outside it."""
    with pipelined(), transaction.atomic():
        if alongside is not None:
            decided = alongside.before(decided)
        processed = _gate_and_act(decided, alongside) if decided else []
        if alongside is not None:
            alongside.after(processed)
    return processed


def _gate_and_act(decided: Sequence[Decided], alongside: Alongside | None) -> list[Processed]:
    state = gate_state_lock(decided, alongside.beside() if alongside else None)
    if alongside is not None:
        decided = alongside.locked(decided, state.told)
    unit = unit_of_work(state)
    processed = [_gate_one(item, unit) for item in in_breaths_with_locks(decided)]
    unit.write()
    return [with_work(done, unit) for done in in_breaths_with_locks(processed)]


def _gate_one(item: Decided, unit: UnitOfWork) -> Processed:
    counted = action_count(item, unit.state)
    if isinstance(counted, AppError):
        return Processed(item, None, error=counted)
    return action_act(counted, action_gate(counted, unit.state), unit)


def with_work(done: Processed, unit: UnitOfWork) -> Processed:
    """With what its calls need that are to be made after the commit."""
    runs = [run.pk for run in (done.run, done.notice) if run is not None]
    return (
        replace(done, work={pk: unit.rows.work[pk] for pk in runs if pk in unit.rows.work}) if runs else done
    )


def calls_begin(processed: Sequence[Processed]) -> None:
    """Have their calls made, after the commit, and wait for none: who hears what came of them is told then."""
    work = {pk: one for done in processed for pk, one in done.work.items()}
    begun_within(list(work), work, 0.0)


def outcomes_after_calls(processed: Sequence[Processed], most: float | None = None) -> list[Outcome]:
    """Make the calls that the request waits for, after the commit, and give every action's outcome.

    `most`: so many seconds are left to wait, where that is less than usual.
    """
    calls_end, notices_end = (
        usual if most is None else min(usual, most) for usual in (CALL_SECONDS, NOTICE_SECONDS)
    )
    work = {pk: one for done in processed for pk, one in done.work.items()}
    calls = [done.run.pk for done in processed if done.run]
    notices = [(done.notice.pk, done.hold.pk) for done in processed if done.notice and done.hold]
    begun_within(calls, work, calls_end)
    begun_within([run for run, _ in notices], work, notices_end)
    runs = come_to(calls, work)
    holds = Hold.objects.in_bulk([hold for _, hold in notices]) if notices else {}
    return [_outcome(done, runs, holds) for done in in_breaths(processed)]


def _outcome(
    done: Processed, runs: Mapping[UUID, tuple[Run, StepRun | None]], holds: Mapping[UUID, Hold]
) -> Outcome:
    if done.run is not None:
        return outcome_of_step(*runs[done.run.pk])
    if done.hold is not None and done.hold.pk in holds:
        return hold_outcome(holds[done.hold.pk])
    if done.outcome is None:
        raise AssertionError("an action without a call has its outcome")
    return done.outcome
