"""The pipeline, composed: admit, enrich, decide, gate, act, and last the calls that the request waits for.

A set of actions is decided in memory, gated and written in one transaction whose number of statements does not
depend on the set's size; a single order is a set of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.errors import AppError, forbidden
from acteon_site.base.retrying import retry_on_deadlock
from audit_app.services.journal import Journal
from chains_app.models import Run
from chains_app.services.inline import runs_within
from orders_app.actions import Action, parse_action
from orders_app.models import Hold
from orders_app.outcomes import Outcome
from orders_app.pipeline.act import Settled, settle
from orders_app.pipeline.decide import action_decide
from orders_app.pipeline.hold_answers import hold_outcome
from orders_app.pipeline.items import Decided, Submission
from orders_app.pipeline.judge import judge
from orders_app.pipeline.ledger import ledger_open, target_of
from orders_app.pipeline.rows import Rows
from orders_app.services.run_outcomes import single_outcome
from orders_app.services.templates import action_enrich
from rules_app.engine import RuleSet
from rules_app.selectors import current_rules
from rules_app.services.gates import gates_write

CALL_SECONDS = 20.0
NOTICE_SECONDS = 2.0

Result = Outcome | AppError
# Called inside the transaction with what it settled: the Idempotency-Key's answer is stored with the order.
InTransaction = Callable[[Sequence[Settled]], None]


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One result for each body, in order; `settled` are those that reached the gates."""

    results: list[Result]
    settled: list[Settled]


def dispatch_many(
    bodies: Sequence[Any], submission: Submission, *, in_transaction: InTransaction | None = None
) -> Dispatched:
    """Dispatch decoded JSON bodies. An item that cannot be dispatched becomes its error and harms no other."""
    results, decided = decide_all(bodies, submission)
    settled = gate_and_act(decided, submission, in_transaction) if decided else []
    for done, outcome in zip(settled, outcomes_after_calls(settled), strict=True):
        results[done.item.position] = outcome
    return Dispatched([given(result) for result in results], settled)


def given(result: Result | None) -> Result:
    if result is None:
        raise AssertionError("every action has a result")
    return result


def decide_all(bodies: Sequence[Any], submission: Submission) -> tuple[list[Result | None], list[Decided]]:
    rules = current_rules()
    results: list[Result | None] = [None] * len(bodies)
    decided = []
    for position, body in enumerate(bodies):
        try:
            decided.append(_decide_one(position, body, rules, submission))
        except AppError as error:
            results[position] = error
    return results, decided


def _decide_one(position: int, body: Any, rules: RuleSet, submission: Submission) -> Decided:
    action = parse_action(body)
    _authorize(action, submission)
    return action_decide(action_enrich(action), rules, submission.rule_time, position=position)


def _authorize(action: Action, submission: Submission) -> None:
    caller = submission.caller
    if not caller.covers_action(action.namespace, action.tenant, action.provider, action.action_type):
        raise forbidden("this key does not cover that namespace, tenant, provider or action type")


@retry_on_deadlock
def gate_and_act(
    decided: Sequence[Decided], submission: Submission, in_transaction: InTransaction | None = None
) -> list[Settled]:
    """Gate and write everything in one transaction. Repeatable as a whole: it changes nothing outside it."""
    with transaction.atomic():
        ledger = ledger_open(decided, submission.caller.caller_id, submission.received_at)
        rows = Rows(Journal(submission.source))
        settled = [settle(item, judge(item, ledger), ledger, submission, rows) for item in decided]
        gates_write(ledger.gates.values())
        rows.write()
        if in_transaction is not None:
            in_transaction(settled)
    return settled


def outcomes_after_calls(settled: Sequence[Settled]) -> list[Outcome]:
    """Make the calls that the request waits for, after the commit, and give every action's outcome."""
    calls = [done for done in settled if done.run is not None]
    runs_within([done.run.pk for done in calls if done.run], _called(calls), CALL_SECONDS)
    notices = [done for done in settled if done.notice is not None]
    runs_within(
        [done.notice.pk for done in notices if done.notice],
        [done.hold.notify_provider for done in notices if done.hold],
        NOTICE_SECONDS,
    )
    ended = _runs([done.run.pk for done in calls if done.run])
    held = _holds([done.hold.pk for done in notices if done.hold])
    return [_outcome(done, ended, held) for done in settled]


def _called(calls: Sequence[Settled]) -> list[str]:
    return [target_of(done.item) for done in calls]


def _runs(ids: Sequence[UUID]) -> dict[UUID, Run]:
    return {run.pk: run for run in Run.objects.filter(pk__in=ids).prefetch_related("steps")} if ids else {}


def _holds(ids: Sequence[UUID]) -> dict[UUID, Hold]:
    return {hold.pk: hold for hold in Hold.objects.filter(pk__in=ids)} if ids else {}


def _outcome(done: Settled, ended: dict[UUID, Run], held: dict[UUID, Hold]) -> Outcome:
    if done.run is not None:
        return single_outcome(ended[done.run.pk])
    if done.hold is not None and done.hold.pk in held:
        return hold_outcome(held[done.hold.pk])
    if done.outcome is None:
        raise AssertionError("an action without a call has its outcome")
    return done.outcome
