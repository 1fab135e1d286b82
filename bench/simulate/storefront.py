"""Those who order: each sends until an answer counts, some twice at once, under another key, or in a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.utils import timezone

from acteon_site.base.errors import AppError
from acteon_site.base.principals import Principal, Role
from bench.simulate.processes import Processes
from bench.simulate.scheduler import Scheduler
from bench.simulate.shop import NAMESPACE, TENANTS, WAYS
from orders_app.api.together import PATH, answer_together
from orders_app.pipeline.items import Submission
from orders_app.services.answers import Answer
from orders_app.services.idempotency import key_use
from orders_app.services.placing import DispatchRequest

CALLER = Principal("storefront", "api_key", Role.OPERATOR, idempotency_scope="storefront")
TRIES, PATIENCE = 8, 25.0
# What is sent again: it may be taken later.
LATER = ("Throttled", "CircuitOpen", "Failed")


@dataclass
class _Sent:
    answer: Answer | AppError | None = None
    waiting: list[Any] = field(default_factory=list)


@dataclass
class Storefront:
    """`accepted`: the orders of which a client was told that they are taken. `waiting`: clients that still send."""

    scheduler: Scheduler
    processes: Processes
    broken: Callable[[str], None]
    accepted: dict[str, str] = field(default_factory=dict)
    waiting: int = 0
    _told: dict[str, Any] = field(default_factory=dict)
    _within: float = 0.0

    def open(self, orders: int) -> None:
        """Half of the time all come at once, and share transactions."""
        chance, number = self.scheduler.random, 0
        self._within = chance.choice((0.02, 3))
        while number < orders:
            bodies = [self._order(number)]
            if number + 1 < orders and chance.random() < 0.2:
                bodies.append(self._order(number + 1))
            number += len(bodies)
            self._client(bodies, f"key-{number}")
            if chance.random() < 0.25:
                self._client(bodies, f"key-{number}")
            elif chance.random() < 0.15:
                self._client(bodies, f"other-{number}")

    def _client(self, bodies: Sequence[Any], key: str) -> None:
        self.waiting += 1
        begins = self.scheduler.random.uniform(0, self._within)
        self.scheduler.spawn(f"client {key}", partial(self._sends, bodies, key, begins), None)

    def _order(self, number: int) -> dict[str, Any]:
        chance = self.scheduler.random
        name = f"order-{number}"
        action = {"id": name, "namespace": NAMESPACE, "tenant": chance.choice(TENANTS)}
        if chance.random() < 0.12:
            return action | {
                **{"provider": "notebook", "action_type": "note", "payload": {"order_id": name}},
            }
        country = "KP" if chance.random() < 0.04 else "US"
        payload = {
            "order_id": name,
            "way": chance.choice(("told", *WAYS)),
            "shipping_country": country,
            "dear": chance.random() < 0.25,
            "later": chance.random() < 0.2,
        }
        return action | {"provider": "payment-gateway", "action_type": "place_order", "payload": payload}

    def _sends(self, bodies: Sequence[Any], key: str, begins: float) -> None:
        self.scheduler.sleep(begins)
        for _ in range(TRIES):
            answer = self._ask(bodies, key)
            self.scheduler.note("told", _spelt(answer))
            if isinstance(answer, Answer) and self._final(bodies, key, answer):
                break
            self.scheduler.sleep(self.scheduler.random.uniform(0.3, 6))
        self.waiting -= 1

    def _ask(self, bodies: Sequence[Any], key: str) -> Answer | AppError | None:
        """None where nobody answers: the process has died, or takes too long."""
        sent, web, asked = _Sent(), self.processes.web, self.scheduler.seconds
        self.scheduler.spawn(f"{web.name}/{key}", partial(self._serve, bodies, key, sent), web)
        self.scheduler.wait(sent.waiting, PATIENCE)
        if sent.answer is None and web.alive and asked > self.processes.held_up_until:
            self.broken(f"{key} has no answer, and nothing is in its way")
        return sent.answer

    def _serve(self, bodies: Sequence[Any], key: str, sent: _Sent) -> None:
        use = key_use(key, scope=CALLER.idempotency_scope, method="POST", path=PATH, raw_body=b"")
        submission = Submission(CALLER, key, timezone.now())
        try:
            sent.answer = answer_together(DispatchRequest(bodies, submission, len(bodies) > 1, use))
        except AppError as error:
            sent.answer = error
            if error.status == 500:
                self.broken(f"{key} was answered with 500")
        self.scheduler.wake(sent.waiting)

    def _final(self, bodies: Sequence[Any], key: str, answer: Answer) -> bool:
        """Whether the client sends no more."""
        results = answer.body if len(bodies) > 1 else [answer.body]
        kinds = [body if isinstance(body, str) else next(iter(body)) for body in results]
        if any(kind in LATER for kind in kinds):
            return False
        if key in self._told and self._told[key] != answer.body:
            self.broken(f"{key} has two answers: {self._told[key]} and {answer.body}")
        self._told[key] = answer.body
        for body, kind in zip(bodies, kinds, strict=True):
            if kind in ("Executed", "ChainStarted", "PendingApproval", "Scheduled"):
                self.accepted[body["id"]] = body["action_type"]
        return True


def _spelt(answer: Answer | AppError | None) -> str:
    if isinstance(answer, AppError):
        return answer.code
    return str(answer.body)[:40] if answer else "nothing"
