"""Dispatch requests in sets: many requests, each with its own caller, clock, key and answer, share a transaction.

- Each request is answered as if it had come alone. What is wrong with one is its own answer and harms no other.
- What a request did, and the answer that its Idempotency-Key keeps, commit together.
- A set that the database refuses for one of its requests is split until that one stands alone.
- A request whose calls are still to be made is `Pending`: `requests_finish` makes them, in no transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.db import OperationalError, connection

from acteon_site.base import spans
from acteon_site.base.connections import in_breaths_with_locks
from acteon_site.base.errors import AppError, database_gone, unauthenticated, unavailable, unexpected
from acteon_site.base.principals import Principal
from acteon_site.base.retrying import database_is_away
from acteon_site.base.standing import Standing
from chains_app.services.inline import answers_at_once
from orders_app.contract.outcomes import Outcome
from orders_app.pipeline.dispatch import (
    Alongside,
    Submitted,
    decide_all,
    errors_of,
    gate_and_act,
    in_order,
    outcomes_after_calls,
)
from orders_app.pipeline.dry_run import dry_run_many
from orders_app.pipeline.items import Decided, Processed, Submission
from orders_app.services.answers import Answer, answer_of
from orders_app.services.idempotency import (
    REPLAYED,
    Claims,
    KeyUse,
    answer_put,
    answers_finish,
    keys_claim,
    keys_drop,
    rows_keep,
)
from orders_app.services.rebuild import Kept, kept_outcomes, rebuilt_outcomes
from orders_app.services.spans_of_sets import set_traced

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DispatchRequest:
    """One request: its actions as decoded JSON, who sent it when, and its Idempotency-Key if it has one.

    `remembered`: the caller's key was known a moment ago; this knows whether it still stands, asked with the gates.
    """

    bodies: Sequence[Any]
    submission: Submission
    is_batch: bool = False
    use: KeyUse | None = None
    remembered: Standing | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that is committed and whose calls are still to be made. `errors` are of those that did not begin."""

    request: DispatchRequest
    processed: Sequence[Processed]
    errors: Mapping[int, AppError]


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A request whose process died, or lost the database, between its commit and its answer."""

    request: DispatchRequest
    kept: Kept


def is_instant(one: Pending) -> bool:
    """Whether its calls take no time, so that others need not mind waiting for them."""
    calls = [done.item.called_provider for done in one.processed if done.run]
    told = [done.hold.notify_provider for done in one.processed if done.notice and done.hold]
    return all(answers_at_once(name) for name in (*calls, *told))


Placed = Answer | AppError | Pending | Unfinished


def requests_answer(requests: Sequence[DispatchRequest]) -> list[Answer | AppError]:
    """Place these and make their calls: one answer for each, in order."""
    return requests_finish(requests_place(requests))


def requests_place(requests: Sequence[DispatchRequest]) -> list[Placed]:
    """Commit what these ask for: one result for each, in order. Their Idempotency-Keys differ."""
    try:
        if spans.tracer is not None:
            return set_traced(spans.tracer, requests, _place)
        return _place(requests)
    except AppError as error:
        return [error] * len(requests)
    except Exception as error:
        if database_is_away(error):
            return [_database_away(error)] * len(requests)
        if connection.in_atomic_block:
            raise
        if len(requests) == 1:
            log.exception("request_failed", exc_info=error, request_id=requests[0].submission.request_id)
            return [database_gone() if isinstance(error, OperationalError) else unexpected()]
    half = len(requests) // 2
    return requests_place(requests[:half]) + requests_place(requests[half:])


def _database_away(error: Exception) -> AppError:
    log.warning("database_away", error=type(error).__name__)
    return database_gone()


def _place(requests: Sequence[DispatchRequest], told: list[Processed] | None = None) -> list[Placed]:
    """`told` takes what has gone through all stages."""
    submitted: list[Submitted] = [(body, one.submission) for one in requests for body in one.bodies]
    decided, errors = decide_all(submitted)
    placing = Placing(requests, errors)
    if decided or placing.uses:
        processed = gate_and_act(decided, placing)
        if told is not None:
            told += processed
    placing.require_asked()
    return [placing.placed(number) for number in range(len(requests))]


class Placing(Alongside):
    """The keys and the answers of a set, alongside its transaction (orders_app.pipeline.dispatch.Alongside)."""

    def __init__(self, requests: Sequence[DispatchRequest], errors: Mapping[int, AppError]) -> None:
        self.requests = requests
        self.uses = {number: one.use for number, one in enumerate(requests) if one.use}
        self._request_of = [number for number, one in enumerate(requests) for _ in one.bodies]
        self._begins = [
            self._request_of.index(number) if one.bodies else 0 for number, one in enumerate(requests)
        ]
        self._refused = errors
        self._claims = Claims()
        self._processed: list[list[Processed]] = [[] for _ in requests]
        self._callers = {one.submission.caller for one in requests if one.remembered}
        self._keys = next((one.remembered for one in requests if one.remembered), None)
        self._standing: set[Principal] | None = None  # of the callers; None while nobody was asked

    def before(self, decided: Sequence[Decided]) -> Sequence[Decided]:
        """Claim the keys; actions of requests that were answered before go no further."""
        self._claims = Claims()
        if not self.uses:
            return decided
        begun = {self._request_of[item.position] for item in decided}
        # Nothing is wrong with one that asks for nothing.
        begun |= {number for number, one in enumerate(self.requests) if not one.bodies}
        refused = {use.key for number, use in self.uses.items() if number not in begun}
        self._claims = keys_claim(self.uses.values(), refused)
        return [item for item in decided if self._is_first(self._request_of[item.position])]

    def _is_first(self, number: int) -> bool:
        use = self.uses.get(number)
        return use is None or use.key in self._claims.fresh

    def beside(self) -> tuple[str, list[Any]] | None:
        return self._keys.asking(self._callers) if self._keys else None

    def locked(self, decided: Sequence[Decided], told: Any) -> Sequence[Decided]:
        """Whoever's key no longer stands goes no further."""
        if self._keys is None:
            return decided
        asked = told is not None
        self._standing = self._keys.found(self._callers, told) if asked else self._keys.now(self._callers)
        return [item for item in decided if self._revoked(self._request_of[item.position]) is None]

    def require_asked(self) -> None:
        """Nothing is answered before it is known whose key stands: none came to the gates where all were refused."""
        if self._keys is None:
            return
        if self._standing is None:
            self._standing = self._keys.now(self._callers)
        for caller in self._callers - self._standing:
            self._keys.forget(caller)

    def _revoked(self, number: int) -> AppError | None:
        one = self.requests[number]
        if not one.remembered or one.submission.caller in (self._standing or ()):
            return None
        return unauthenticated()

    def after(self, processed: Sequence[Processed]) -> None:
        """Keep with the orders what the keys will be answered."""
        self._processed = [[] for _ in self.requests]
        for done in in_breaths_with_locks(processed):
            self._processed[self._request_of[done.item.position]].append(done)
        fresh = {number: use for number, use in self.uses.items() if use.key in self._claims.fresh}
        kept = [use.key for number, use in fresh.items() if self._keep(number, use.key)]
        keys_drop([use.key for use in fresh.values() if use.key not in kept])
        rows_keep([self._claims.fresh[key] for key in kept] + list(self._claims.unfinished.values()))

    def _keep(self, number: int, key: str) -> bool:
        """Put the answer, or what will give it, into the row of the claim. False where nothing is to be kept."""
        row, placed = self._claims.fresh[key], self._revoked(number) or self._result(number)
        if isinstance(placed, Pending):
            row.kept = kept_outcomes(placed.processed, len(placed.request.bodies))
            return True
        if isinstance(placed, Answer) and placed.memorable:
            answer_put(row, placed)
            return True
        return False

    def placed(self, number: int) -> Placed:
        """What became of a request, after the commit."""
        if revoked := self._revoked(number):
            return revoked
        use = self.uses.get(number)
        if use is not None and use.key in self._claims.answers:
            return self._claims.answers[use.key]
        if use is not None and use.key in self._claims.unfinished:
            return Unfinished(self.requests[number], self._claims.unfinished[use.key].kept)
        return self._result(number)

    def _result(self, number: int) -> Placed:
        request, begin = self.requests[number], self._begins[number]
        processed = self._processed[number]
        own = range(begin, begin + len(request.bodies))
        errors = {position - begin: self._refused[position] for position in own if position in self._refused}
        errors.update({position - begin: error for position, error in errors_of(processed).items()})
        if any(done.run or done.notice for done in processed):
            return Pending(request, [_renumbered(done, begin) for done in processed], errors)
        outcomes = {done.item.position - begin: done.outcome for done in processed if done.outcome}
        return answer_of(in_order(outcomes, errors, len(request.bodies)), is_batch=request.is_batch)


def _renumbered(done: Processed, begin: int) -> Processed:
    """With its position in its request, in place of that in the set."""
    return replace(done, item=replace(done.item, position=done.item.position - begin)) if begin else done


def requests_finish(placed: Sequence[Placed]) -> list[Answer | AppError]:
    """Make the calls that these wait for, in no transaction, and keep the answers of their keys."""
    pending = [one for one in placed if isinstance(one, Pending)]
    finished = iter(_finish(pending) if pending else ())
    return [_finished(one, finished) for one in placed]


def _finished(one: Placed, finished: Iterator[Answer | AppError]) -> Answer | AppError:
    if isinstance(one, Pending):
        return next(finished)
    return _rebuilt(one) if isinstance(one, Unfinished) else one


def _finish(pending: Sequence[Pending]) -> list[Answer | AppError]:
    waiting = [done for one in pending for done in one.processed if not done.error]
    try:
        outcomes = iter(outcomes_after_calls(waiting))
        answers = [_answer_after_calls(one, outcomes) for one in pending]
        keyed = zip(pending, answers, strict=True)
        answers_finish({one.request.use.key: answer for one, answer in keyed if one.request.use})
    except AppError as error:
        return [error] * len(pending)
    except DatabaseError as error:
        # Committed all the same: a repeat under its key finds out what became of it.
        return [_database_away(error)] * len(pending)
    return answers


def _answer_after_calls(one: Pending, outcomes: Iterator[Outcome]) -> Answer | AppError:
    found: dict[int, Outcome] = {
        done.item.position: next(outcomes) for done in one.processed if not done.error
    }
    results = in_order(found, one.errors, len(one.request.bodies))
    return answer_of(results, is_batch=one.request.is_batch)


def _rebuilt(one: Unfinished) -> Answer | AppError:
    request = one.request
    found = zip(rebuilt_outcomes(one.kept), request.bodies, strict=True)
    results = [kept or _error_again(body, request.submission) for kept, body in found]
    answer = answer_of(results, is_batch=request.is_batch)
    if request.use is not None:
        answers_finish({request.use.key: answer})
    return replace(answer, headers={**answer.headers, **REPLAYED}) if isinstance(answer, Answer) else answer


def _error_again(body: Any, submission: Submission) -> AppError:
    """Of an item that was refused before the gates nothing is kept: the same bytes, so the same error."""
    (result,) = dry_run_many([body], submission)
    return (
        result
        if isinstance(result, AppError)
        else unavailable("its answer was lost; send it under a new key")
    )
