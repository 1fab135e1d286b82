"""The engine under a fake clock, queue and providers: a whole day of crashes in a millisecond, from one seed.

The machine, its results and its records are the real ones; only the database is a dictionary, the provider a
ledger of effects by key, and time a number. After every run the invariants of money are checked.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chains_app.definitions import Definition, parse_definition
from chains_app.engine import decisions
from chains_app.engine.call_results import (
    Failure,
    call_answered,
    call_begun,
    call_failed,
    undo_answered,
    undo_begun,
    undo_failed,
)
from chains_app.engine.kinds.provider import receiver_of
from chains_app.engine.machine import next_move
from chains_app.engine.moves import CallStep, End, Park, UndoStep, Wait
from chains_app.engine.state import ProviderTraits, RunState, StepState, Turn
from chains_app.states import Phase, StepStatus

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MOST_TURNS = 400
TURNED_AWAY = Failure("EXECUTION_FAILED", "HTTP 409", retryable=False, unknown=False)
TRAITS = ProviderTraits(repeatable=True, window=timedelta(hours=23))

SPEC: dict[str, Any] = {
    "name": "order",
    "timeout_seconds": 3600,
    "steps": [
        {"name": "validate", "provider": "p", "action_type": "validate", "retry": {"max_retries": 2}},
        {
            "name": "charge",
            "provider": "p",
            "action_type": "charge",
            "retry": {"max_retries": 3, "backoff_ms": 500},
            "on_fallback": "accept",
            "compensate": {"provider": "p", "action_type": "refund"},
        },
        {
            "name": "fulfill",
            "provider": "p",
            "action_type": "ship",
            "retry": {"max_retries": 2},
            "point_of_no_return": True,
        },
        {"name": "tell", "provider": "p", "action_type": "mail", "on_failure": "skip"},
    ],
}


def definition_of(spec: dict[str, Any]) -> Definition:
    definition, problems = parse_definition(spec)
    assert definition is not None, problems
    return definition


@dataclass
class Ledger:
    """Providers that remember keys, as real ones do: a repeat has the answer of the first and no effect.

    Each remembers its own, and nothing of what the other was sent. `effects` counts what they have done together.
    """

    random: random.Random
    effects: Counter[str] = field(default_factory=Counter)
    answered: set[tuple[str, str]] = field(default_factory=set)
    repeats: Counter[str] = field(default_factory=Counter)

    def call(self, provider: str, key: str) -> Failure | None:
        """None: carried out. A timeout may or may not have taken effect."""
        if (provider, key) not in self.answered:
            luck = self.random.random()
            if luck < 0.10:
                return Failure("CONNECTION", "refused", retryable=True, unknown=False)
            if luck < 0.15:
                return Failure("EXECUTION_FAILED", "declined", retryable=False, unknown=False, settles=True)
            if luck < 0.17:
                return TURNED_AWAY
            self.effects[key] += 1
            self.answered.add((provider, key))
        luck = self.random.random()
        if luck < 0.15:
            return Failure("TIMEOUT", "no answer", retryable=True, unknown=True)
        # Refused on the way, although it has long been carried out: a locked key, a changed password.
        return TURNED_AWAY if luck < 0.20 and self.effects[key] and self.late(key) else None

    def late(self, key: str) -> bool:
        """Only a repeat is turned away: the first call was heard."""
        self.repeats[key] += 1
        return self.repeats[key] > 1


@dataclass
class Simulation:
    """One order, one seed. `stored` is what a crash leaves: the state as last committed."""

    seed: int
    definition: Definition
    absorb: Callable[..., Any] = call_failed
    now: datetime = BEGIN
    ended: str = ""
    parked: str = ""
    helped: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.ledger = Ledger(self.random)
        # One in five providers is like email: it cannot be asked again.
        self.traits = ProviderTraits(self.random.random() < 0.8, timedelta(hours=23))
        first = self.definition.steps[0].name
        self.stored = RunState(cursor=first, deadline=BEGIN + timedelta(hours=1))

    def run(self) -> Simulation:
        for _ in range(MOST_TURNS):
            if self.ended or self.parked:
                return self
            self._turns()
        raise AssertionError(f"seed {self.seed}: the run never came to an end")

    def _turns(self) -> None:
        """One worker: it takes the run and moves it on until it waits, ends or dies."""
        if self.random.random() < 0.05:
            self.stored.cancel_requested = True
        state = copy.deepcopy(self.stored)
        while True:
            move = next_move(self._turn(state))
            if not isinstance(move, CallStep | UndoStep):
                self.stored = state
                return self._rest(move)
            provider = self._begin(state, move)
            self.stored = copy.deepcopy(state)  # recorded as started, committed
            if self._dies():
                return None
            failure = self.ledger.call(provider, self._key(move))
            if self._dies():
                return None  # the call was made, and its answer died with the worker
            self._finish(state, move, failure, provider)
            self.stored = copy.deepcopy(state)

    def _dies(self) -> bool:
        died = self.random.random() < 0.15
        self.now += timedelta(seconds=60 if died else self.random.random())
        return died

    def _turn(self, state: RunState) -> Turn:
        return Turn(self.definition, state, self.now, lambda name: self.traits)

    def _begin(self, state: RunState, move: CallStep | UndoStep) -> str:
        """Who gets the call: while its breaker is open, a fallback stands in, unless only the one may be asked."""
        if isinstance(move, UndoStep):
            undo_begun(state, move.step, self.now)
            return "p"
        stands_in = move.step.on_fallback == "accept" and not move.again and self.random.random() < 0.2
        provider = (
            "q" if stands_in else receiver_of(move.step, state.step(move.step.name)) if move.again else "p"
        )
        call_begun(state, move.step, self.now, provider)
        return provider

    def _key(self, move: CallStep | UndoStep) -> str:
        return f"undo:{move.step.name}" if isinstance(move, UndoStep) else move.step.name

    def _finish(
        self, state: RunState, move: CallStep | UndoStep, failure: Failure | None, provider: str
    ) -> None:
        known = state.step(move.step.name)
        if isinstance(move, UndoStep):
            if failure is None:
                undo_answered(known)
            else:
                undo_failed(known, failure, self.now, self.random.random)
        elif failure is None:
            call_answered(move.step, known, {"ok": True}, "" if provider == "p" else provider)
        else:
            self.absorb(move.step, known, failure, self.now, self.random.random)

    def _rest(self, move: Any) -> None:
        if isinstance(move, End):
            self.ended = str(move.status)
        elif isinstance(move, Park):
            self.parked = move.reason
            if self.random.random() < 0.5 and self.helped < 3:
                self._help(move)
        elif isinstance(move, Wait) and move.until:
            self.now = max(self.now, move.until) + timedelta(milliseconds=1)

    def _help(self, move: Park) -> None:
        """A person has the run go on at the step where it waits, with its whole time again."""
        known, self.parked, self.helped = self.stored.step(move.step), "", self.helped + 1
        undoing = self.stored.phase == Phase.UNDOING
        turn, step = self._turn(self.stored), self.definition.step(move.step)
        if decisions.receiver_that_forgot(known, step, remembers=turn.remembers, undoing=undoing):
            self._look_and_say(known, undoing)
        elif undoing:
            decisions.retry_undo(known)
        elif known.status != StepStatus.COMPLETED:
            decisions.retry_step(known)
        self.stored.deadline = self.now + timedelta(hours=1)

    def _look_and_say(self, known: StepState, undoing: bool) -> None:
        """The person asks the provider, and says what they have found."""
        done = self.ledger.effects[f"undo:{known.name}" if undoing else known.name]
        if undoing and done:
            decisions.mark_undone(known)
        elif undoing:
            decisions.mark_not_undone(known)
            decisions.retry_undo(known)
        elif done:
            decisions.mark_done(known)
        else:
            decisions.mark_not_done(known)
            decisions.retry_step(known)

    def check(self) -> None:
        """What must hold of money, whatever crashed."""
        effects, story = self.ledger.effects, f"seed {self.seed}: {self.ended or self.parked}"
        assert all(count == 1 for count in effects.values()), f"{story}: an effect twice {effects}"
        charged, refunded = effects["charge"], effects["undo:charge"]
        if self.ended == "completed":
            assert effects["charge"] == effects["fulfill"] == 1, f"{story}: completed without its effects"
            assert not refunded, f"{story}: completed and refunded"
        elif self.ended:
            assert charged == refunded, f"{story}: ended with {charged} charges and {refunded} refunds"
            assert not effects["fulfill"], f"{story}: shipped, and ended as if it had not"


def simulate(seeds: range, **more: Any) -> Counter[str]:
    """Run and check every seed; how they ended."""
    definition = definition_of(SPEC)
    ends: Counter[str] = Counter()
    for seed in seeds:
        simulation = Simulation(seed, definition, **more).run()
        simulation.check()
        ends[simulation.ended or f"parked: {simulation.parked}"] += 1
    return ends
