"""Orders sent to the gateway by several clients at once, each until it has an answer that counts."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from bench.provider_sim import share

PER_TENANT = 20
GIVE_UP_SECONDS = 240
FINAL = ("Executed", "Scheduled", "PendingApproval", "ChainStarted", "Rerouted", "Suppressed")


def order_of(number: int, seed: int, *, later: bool = False, mixed: bool = False) -> dict[str, Any]:
    order_id = f"ord-{seed}-{number:06d}"
    return {
        "id": order_id,
        "namespace": "ecommerce",
        "tenant": f"shop-{number // PER_TENANT:04d}",
        "provider": "payment-gateway",
        "action_type": "place_order",
        "payload": {
            "order_id": order_id,
            "customer_email": f"c{number}@shop.example",
            "total_cents": 100 + number % 40_000,
            "currency": "USD",
            "shipping_country": "US",
            "items": [{"sku": "MUG-BLUE", "qty": 1 + number % 3}],
            "card_last4": "4242",
            "later": later,
            "mixed": mixed,
        },
    }


class Storefront:
    """`clients` threads, which share `urls`; each order has its Idempotency-Key and is sent until an answer arrives.

    `mixed` percent of the orders run through the chain of bench/mixed.py. `pace(number)` says whether that order may
    be sent yet.
    """

    def __init__(
        self, urls: Sequence[str], key: str, seed: int, total: int, *, clients: int = 4, mixed: int = 0
    ) -> None:
        self._urls, self._key, self._seed, self.total, self._mixed = urls, key, seed, total, mixed
        self._lock = threading.Lock()
        self._next = 0
        self.answers: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.unanswered: list[str] = []
        self.pace: Callable[[int], bool] = lambda number: True
        self._held_back: set[int] = set()
        self._threads = [
            threading.Thread(target=self._work, args=[number], daemon=True) for number in range(clients)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    @property
    def held_back(self) -> bool:
        """Every client that is not done waits until its next order may be sent."""
        with self._lock:
            living = sum(thread.is_alive() for thread in self._threads)
            return len(self._held_back) == living and not any(map(self.pace, self._held_back))

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _work(self, place: int) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        with httpx.Client(headers=headers, timeout=15, trust_env=False) as client:
            while (number := self._take()) is not None:
                self._await_turn(number)
                self._send(client, self._order(number), place)

    def _await_turn(self, number: int) -> None:
        with self._lock:
            self._held_back.add(number)
        while not self.pace(number):
            time.sleep(0.02)
        with self._lock:
            self._held_back.remove(number)

    def _order(self, number: int) -> dict[str, Any]:
        mixed = share(str(number), f"{self._seed}") < self._mixed
        return order_of(number, self._seed, later=number % 10 == 0, mixed=mixed)

    def _take(self) -> int | None:
        with self._lock:
            self._next += 1
            return self._next - 1 if self._next <= self.total else None

    def _send(self, client: httpx.Client, action: dict[str, Any], place: int) -> None:
        """What fails at one address is tried at the next, as a balancer would."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        for tries in itertools.count():
            if time.monotonic() > deadline:
                break
            answer = self._try(client, action, self._urls[(place + tries) % len(self._urls)])
            if answer is not None:
                with self._lock:
                    self.answers[action["id"]] = answer
                return
            time.sleep(0.3)
        self.unanswered.append(action["id"])

    def _try(self, client: httpx.Client, action: dict[str, Any], url: str) -> str | None:
        """The outcome's kind, or None where the order must be sent again."""
        try:
            response = client.post(
                f"{url}/v1/dispatch", json=action, headers={"Idempotency-Key": action["id"]}
            )
        except httpx.HTTPError as error:
            return self._again(type(error).__name__)
        if response.status_code != httpx.codes.OK:
            return self._again(f"HTTP {response.status_code}")
        body = response.json()
        kind = body if isinstance(body, str) else next(iter(body))
        self.counts["replayed"] += "Idempotency-Replayed" in response.headers
        return kind if kind in FINAL else self._again(kind)

    def _again(self, reason: str) -> None:
        with self._lock:
            self.counts[reason] += 1
