"""The providers: what reaches them, what they carry out, what of it is heard; all of it from the seed.

A provider remembers keys as real ones do: a repeat has the answer of the first and no further effect; the mail server
does not. What was sent arrives although the sender died, or gave up waiting.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.simulate.scheduler import Memory, Scheduler
from bench.simulate.shop import CARRIED_OUT_ONCE
from chains_app.providers.base import CONNECTION, EXECUTION_FAILED, TIMEOUT, Answer, ProviderError
from chains_app.providers.calling import Prepared

# Of a call that may take five seconds. Who stood still may begin a call whose lease is over by then.
LONGEST_LEASE = 35.0


@dataclass(frozen=True)
class Weather:
    """How likely each trouble is, of one call."""

    refused: float = 0.0
    declined: float = 0.0
    failing: float = 0.0
    lost: float = 0.0
    slow: float = 0.0

    @classmethod
    def of(cls, chance: random.Random) -> Weather:
        """Calm in every third seed; else some trouble, or a lot."""
        much = chance.choice((0.0, 0.07, 0.25))
        return cls(refused=much, declined=much / 2, failing=much, lost=much, slow=much)


@dataclass
class _Sent:
    """`heard` is what comes back, once it has."""

    call: Any
    memory: Memory
    begun: float
    heard: Answer | ProviderError | None = None
    waiting: list[Any] = field(default_factory=list)


@dataclass
class Providers:
    scheduler: Scheduler
    weather: Weather
    broken: Callable[[str], None]
    called: Callable[[Memory], None]  # is told of each call that begins, and of the process that makes it
    on_the_way: int = 0
    ledger: list[tuple[str, str, str, str]] = field(default_factory=list)
    _answers: dict[tuple[str, str], Answer | ProviderError] = field(default_factory=dict)
    _flying: dict[tuple[str, str], _Sent] = field(default_factory=dict)

    async def answer_of(self, prepared: Prepared) -> Answer:
        """In place of chains_app.providers.calling.answer_of: waits as long as that one would."""
        call = prepared.call
        sent = _Sent(call, self.scheduler.memory, self.scheduler.seconds)
        self._takes_off(sent)
        try:
            return self._waited_for(sent)
        finally:
            if self._flying.get((call.provider, call.idempotency_key)) is sent:
                del self._flying[call.provider, call.idempotency_key]

    def done(self, key: str) -> bool:
        """What a person sees who looks there."""
        return any(entry[1] == key for entry in self.ledger)

    def _takes_off(self, sent: _Sent) -> None:
        """No call begins beside one with its key, unless that one's process is gone or stood still under its lease."""
        key = sent.call.provider, sent.call.idempotency_key
        other = self._flying.get(key)
        if other and other.memory.alive and other.memory.frozen_until + LONGEST_LEASE < other.begun:
            self.broken(f"{key[1]} was called beside a call with that key")
        self._flying[key] = sent
        self.scheduler.note("call", *key)
        self.called(sent.memory)

    def _waited_for(self, sent: _Sent) -> Answer:
        chance, there = self.scheduler.random, self._pause()
        if chance.random() < self.weather.refused:
            self.scheduler.sleep(there)
            raise ProviderError(CONNECTION, "refused", retryable=True)
        self.on_the_way += 1
        self.scheduler.later(there, lambda: self._arrives(sent))
        if sent.heard is None:
            self.scheduler.wait(sent.waiting, sent.call.timeout_seconds)
        if sent.heard is None:
            raise ProviderError(TIMEOUT, "no answer in time", retryable=True, unknown=True)
        if isinstance(sent.heard, ProviderError):
            raise sent.heard
        return sent.heard

    def _pause(self) -> float:
        chance = self.scheduler.random
        slow = chance.random() < self.weather.slow
        return chance.uniform(1, 8) if slow else chance.uniform(0.005, 0.3)

    def _arrives(self, sent: _Sent) -> None:
        self.on_the_way -= 1
        answer = self._answer(sent.call)
        if self.scheduler.random.random() >= self.weather.lost:
            self.scheduler.later(self._pause(), lambda: self._heard(sent, answer))

    def _heard(self, sent: _Sent, answer: Answer | ProviderError) -> None:
        sent.heard = answer
        self.scheduler.wake(sent.waiting)

    def _answer(self, call: Any) -> Answer | ProviderError:
        key, chance = (call.provider, call.idempotency_key), self.scheduler.random
        known = self._answers.get(key)
        if known is not None and call.provider != CARRIED_OUT_ONCE:
            return known
        if chance.random() < self.weather.failing:
            return ProviderError(EXECUTION_FAILED, "HTTP 503", retryable=True, unknown=False)
        if chance.random() < self.weather.declined and "refund" not in call.action_type:
            declined = ProviderError(EXECUTION_FAILED, "declined", settles=True)
            self._answers[key] = declined
            return declined
        self._carry_out(call)
        self._answers[key] = Answer({"done": True})
        return self._answers[key]

    def _carry_out(self, call: Any) -> None:
        self.scheduler.note("carried out", call.idempotency_key, call.action_type)
        entry = (call.provider, call.idempotency_key, call.action_type, call.payload.get("order_id", ""))
        if any(other[:2] == entry[:2] for other in self.ledger):
            self.broken(f"{entry[1]} ({entry[2]}) was carried out twice")
        self.ledger.append(entry)
