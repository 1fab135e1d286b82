"""Hypothesis tries to find an order of events that breaks a run, a breaker or a retry."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as try_to_break

from acteon_site.base import config_versions
from audit_app.services.journal import Journal
from chains_app.definitions import Retry, Step
from chains_app.engine import call_results
from chains_app.engine.call_results import Failure
from chains_app.engine.kinds.provider import UNKNOWN_RETRIES
from chains_app.engine.machine import next_move
from chains_app.engine.moves import CallStep, End, Move, Park, UndoStep, Wait
from chains_app.engine.state import ProviderTraits, RunState, Turn
from chains_app.models import CircuitBreaker, Provider
from chains_app.services.breakers import Blocked, Called, Route, breaker_routes, breakers_record
from chains_app.states import BreakerState, RunStatus
from tests.chains_app.simulation import BEGIN, SPEC, TRAITS, definition_of
from tests.depth import examples

QUICK = settings(
    max_examples=examples(30),
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
SECONDS = st.sampled_from([0.001, 1, 20, 61, 600, 90_000])
REFUSED = Failure("CONNECTION", "refused", retryable=True, unknown=False)
DECLINED = Failure("EXECUTION_FAILED", "declined", retryable=False, unknown=False, settles=True)
# By something on the way, whatever the provider has done: a locked key, a changed password, a switch.
TURNED_AWAY = Failure("EXECUTION_FAILED", "HTTP 409", retryable=False, unknown=False)
LOST = Failure("TIMEOUT", "no answer", retryable=True, unknown=True)
GARBLED = Failure("EXECUTION_FAILED", "garbled", retryable=False, unknown=True)


class RunMachine(RuleBasedStateMachine):
    """One run. `stored` is what is committed; a call in flight may be lost with its worker at any moment."""

    absorb: Callable[..., Any] = staticmethod(call_results.call_failed)

    def __init__(self) -> None:
        super().__init__()
        self.definition = definition_of(SPEC)
        first = self.definition.steps[0].name
        self.stored = RunState(cursor=first, deadline=BEGIN + timedelta(hours=1))
        self.now = BEGIN
        self.effects: Counter[str] = Counter()
        self.calling: CallStep | UndoStep | None = None
        self.resting: Move | None = None

    @property
    def ended(self) -> bool:
        return isinstance(self.resting, End)

    @precondition(lambda self: not self.ended and not isinstance(self.resting, Park) and self.calling is None)
    @rule()
    def worker_takes_it(self) -> None:
        self._move(copy.deepcopy(self.stored))

    @precondition(lambda self: self.calling is not None)
    @rule()
    def provider_answers(self) -> None:
        self._carry_out()
        self._absorb(None)

    @precondition(lambda self: self.calling is not None)
    @rule(failure=st.sampled_from([REFUSED, DECLINED]))
    def provider_refuses(self, failure: Failure) -> None:
        # One that has carried the key out answers a repeat as it answered before.
        self._absorb(None if self.effects[self._key()] else failure)

    @precondition(lambda self: self.calling is not None)
    @rule()
    def call_is_turned_away(self) -> None:
        self._absorb(TURNED_AWAY)

    @precondition(lambda self: self.calling is not None)
    @rule(failure=st.sampled_from([LOST, GARBLED]), happened=st.booleans())
    def answer_gets_lost(self, failure: Failure, happened: bool) -> None:
        if happened:
            self._carry_out()
        self._absorb(failure)

    @precondition(lambda self: self.calling is not None)
    @rule(happened=st.booleans())
    def worker_is_killed(self, happened: bool) -> None:
        if happened:
            self._carry_out()
        self.calling = None

    @precondition(lambda self: not self.ended)
    @rule()
    def somebody_cancels(self) -> None:
        self.stored.cancel_requested = True

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: isinstance(self.resting, Wait))
    @rule()
    def its_time_comes(self) -> None:
        assert isinstance(self.resting, Wait)
        assert self.resting.until is not None
        self.now = max(self.now, self.resting.until)

    def _move(self, state: RunState) -> None:
        move = next_move(Turn(self.definition, state, self.now, lambda name: TRAITS))
        self.resting = move
        if isinstance(move, CallStep):
            call_results.call_begun(state, move.step, self.now)
            self.calling = move
        elif isinstance(move, UndoStep):
            call_results.undo_begun(state, move.step, self.now)
            self.calling = move
        self.stored = state

    def _key(self) -> str:
        assert self.calling is not None
        return f"{'undo:' if isinstance(self.calling, UndoStep) else ''}{self.calling.step.name}"

    def _carry_out(self) -> None:
        self.effects[self._key()] = 1  # a repeat of a key has no further effect

    def _absorb(self, failure: Failure | None) -> None:
        assert self.calling is not None
        state, step = copy.deepcopy(self.stored), self.calling.step
        known, undo = state.step(step.name), isinstance(self.calling, UndoStep)
        self.calling = None
        if failure is None:
            if undo:
                call_results.undo_answered(known)
            else:
                call_results.call_answered(step, known, {"ok": True})
        elif undo:
            call_results.undo_failed(known, failure, self.now, lambda: 0.5)
        else:
            self.absorb(step, known, failure, self.now, lambda: 0.5)
        self._move(state)

    @invariant()
    def money_is_right(self) -> None:
        charged, refunded = self.effects["charge"], self.effects["undo:charge"]
        assert refunded <= charged, "refunded what was never charged"
        if not isinstance(self.resting, End):
            return
        if self.resting.status == RunStatus.COMPLETED:
            assert (charged, refunded, self.effects["fulfill"]) == (1, 0, 1)
        else:
            stands = {"charges": charged - refunded, "shipments": self.effects["fulfill"]}
            assert not any(stands.values()), f"{self.resting.status}, and yet there stand {stands}"

    @invariant()
    def nothing_is_called_before_what_comes_before_it(self) -> None:
        assert not self.effects["fulfill"] or self.effects["charge"]
        assert not self.effects["tell"] or self.effects["fulfill"]

    @invariant()
    def a_wait_is_for_something(self) -> None:
        if isinstance(self.resting, Wait):
            assert self.resting.until is not None


class RetryMachine(RuleBasedStateMachine):
    """One step with any retry policy against any sequence of failures."""

    @initialize(
        retries=st.integers(0, 4),
        backoff=st.sampled_from([0, 1, 500, 60_000]),
        strategy=st.sampled_from(["fixed", "linear", "exponential"]),
        jitter=st.sampled_from([0, 250]),
        repeatable=st.booleans(),
    )
    def begin(self, retries: int, backoff: int, strategy: str, jitter: int, repeatable: bool) -> None:
        policy = {"max_retries": retries, "backoff_ms": backoff, "strategy": strategy, "jitter_ms": jitter}
        step = {"name": "s", "provider": "p", "action_type": "a", "retry": policy}
        self.definition = definition_of({"name": "one", "steps": [step]})
        self.step: Step = self.definition.steps[0]
        self.policy: Retry = self.step.retry
        self.traits = ProviderTraits(repeatable, timedelta(hours=23))
        self.state, self.now, self.calls = RunState(cursor="s"), BEGIN, 0
        self.in_doubt = self.doubted = False
        self.move: Move | None = None

    @precondition(lambda self: not isinstance(self.move, CallStep | End | Park))
    @rule(early=st.booleans())
    def turn(self, early: bool) -> None:
        due = self.state.step("s").retry_at
        if due is not None and not early:
            self.now = max(self.now, due)
        self.move = next_move(Turn(self.definition, self.state, self.now, lambda name: self.traits))
        if isinstance(self.move, CallStep):
            assert due is None or self.now >= due, "called before its pause was over"
            assert not self.in_doubt or self.traits.repeatable, "repeated where nobody remembers the key"
            call_results.call_begun(self.state, self.step, self.now)
            self.calls += 1

    @precondition(lambda self: isinstance(self.move, CallStep))
    @rule(
        retryable=st.booleans(),
        unknown=st.booleans(),
        settles=st.booleans(),
        asked=st.sampled_from([None, 2.0, 7200.0]),
        luck=st.floats(0, 0.999),
    )
    def fails(self, retryable: bool, unknown: bool, settles: bool, asked: float | None, luck: float) -> None:
        known = self.state.step("s")
        failure = Failure("TIMEOUT", "no", retryable, unknown, asked, settles)
        call_results.call_failed(self.step, known, failure, self.now, lambda: luck)
        self.move = None
        self.in_doubt = unknown or (self.in_doubt and not settles)
        self.doubted = self.doubted or self.in_doubt
        assert known.unknown == self.in_doubt
        if known.retry_at is not None and known.retry_at >= self.now:
            pause = (known.retry_at - self.now).total_seconds()
            assert pause >= max(self.policy.backoff_ms / 1000, asked or 0) or self.policy.strategy != "fixed"
            assert pause >= (asked or 0), "Retry-After was not honoured"

    @precondition(lambda self: isinstance(self.move, CallStep))
    @rule()
    def answers(self) -> None:
        call_results.call_answered(self.step, self.state.step("s"), {})
        self.in_doubt, self.move = False, None

    @precondition(lambda self: isinstance(self.move, CallStep))
    @rule()
    def worker_is_killed(self) -> None:
        self.in_doubt = self.doubted = True
        self.move = None

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def tries_are_bounded(self) -> None:
        if hasattr(self, "policy"):
            most = max(self.policy.max_retries, UNKNOWN_RETRIES if self.doubted else 0)
            assert self.calls <= 1 + most

    @invariant()
    def doubt_never_ends_by_itself(self) -> None:
        if isinstance(getattr(self, "move", None), End):
            assert not self.in_doubt, "ended, and nobody knows whether it took effect"


class BreakerMachine(RuleBasedStateMachine):
    """The shared row against a plain model of it, with any number of calls in flight."""

    THRESHOLD, SUCCESSES, RECOVERY = 3, 2, timedelta(seconds=30)

    def __init__(self) -> None:
        super().__init__()
        CircuitBreaker.objects.all().delete()
        CircuitBreaker.objects.create(
            provider="p",
            failure_threshold=self.THRESHOLD,
            success_threshold=self.SUCCESSES,
            recovery_timeout_seconds=30,
        )
        config_versions.reset()
        self.now: datetime = BEGIN
        self.flying: list[Route] = []
        self.state, self.opened_at = "closed", BEGIN
        self.failures = self.successes = 0
        self.probe: Route | None = None

    @rule()
    def somebody_wants_to_call(self) -> None:
        found = breaker_routes(["p"], now=self.now)["p"]
        if isinstance(found, Blocked):
            assert self.state != "closed", "blocked by a closed breaker"
            assert found.retry_at > self.now
            return
        self.flying.append(found)
        if self.state == "closed":
            assert found.probe_token is None
            return
        assert found.probe_token is not None, "an open breaker let a call through"
        if self.state == "open":
            assert self.now >= self.opened_at + self.RECOVERY, "probed before its recovery was over"
            self.state, self.successes = "half_open", 0
        else:
            assert self.probe is None or self.probe_until <= self.now, "two probes at once"
        self.probe, self.probe_until = found, self.now + timedelta(seconds=40)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), end=st.sampled_from(["ok", "failure", "refusal"]))
    def a_call_ends(self, data: st.DataObject, end: str) -> None:
        route = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
        journal = Journal()
        with transaction.atomic():
            call = Called(route, ok=end == "ok", counts=end == "failure")
            breakers_record([call], now=self.now, journal=journal)
        if route.probe_token:
            self._probe_ends(route, end)
        elif self.state == "closed" and end == "failure":
            self.failures += 1
            if self.failures >= self.THRESHOLD:
                self._opens()
        elif self.state == "closed" and end == "ok" and route.failures:
            self.failures = 0

    def _probe_ends(self, route: Route, end: str) -> None:
        if self.state != "half_open" or self.probe is not route:
            return
        self.probe = None
        if end == "failure":
            self._opens()
        elif end == "ok":
            self.successes += 1
            if self.successes >= self.SUCCESSES:
                self.state, self.failures = "closed", 0

    def _opens(self) -> None:
        self.state, self.opened_at, self.failures, self.probe = "open", self.now, 0, None

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def a_caller_is_killed(self, data: st.DataObject) -> None:
        self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))

    @rule(seconds=st.sampled_from([1, 15, 31, 41, 600]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def the_row_agrees_with_the_model(self) -> None:
        row = CircuitBreaker.objects.get(provider="p")
        assert row.state == BreakerState(self.state)
        if self.state == "closed":
            assert row.failures == self.failures < self.THRESHOLD


@pytest.fixture
def provider(db: None) -> None:
    Provider.objects.create(name="p", kind="log", timeout_seconds=10)
    config_versions.reset()


def test_no_order_of_crashes_answers_and_cancellations_takes_money_twice_or_for_nothing() -> None:
    try_to_break(RunMachine, settings=settings(QUICK, max_examples=examples(50)))


def test_the_run_machine_finds_a_planted_bug() -> None:
    """A lost answer taken for a failure: the card is charged, and the order fails without a refund."""

    class Forgetful(RunMachine):
        @staticmethod
        def absorb(step: Any, known: Any, failure: Failure, *more: Any) -> None:
            call_results.call_failed(step, known, failure, *more)
            if known.unknown:
                known.unknown, known.status = False, "failed"

    with pytest.raises(AssertionError, match="and yet there stand"):
        try_to_break(Forgetful, settings=settings(QUICK, max_examples=5000, phases=[Phase.generate]))


def test_no_sequence_of_failures_calls_too_often_too_early_or_ends_in_doubt() -> None:
    try_to_break(RetryMachine, settings=settings(QUICK, max_examples=examples(50)))


@pytest.mark.usefixtures("provider")
def test_no_interleaving_of_calls_gets_two_probes_or_past_an_open_breaker() -> None:
    try_to_break(BreakerMachine, settings=settings(QUICK, max_examples=30))
