"""Whoever reads a list after an order was answered: it must stand there, whichever server the list comes from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import httpx

from bench.callers import Caller
from bench.orders import Storefront, order_of


@dataclass(kw_only=True)
class ListReader(Caller):
    """`missing`: orders that were answered before the list was asked for, and did not stand in it."""

    urls: list[str]
    seed: int
    storefront: Storefront
    pause: float = 0.01
    missing: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def visit(self, client: httpx.Client) -> None:
        newest = next(reversed(list(self.storefront.answers)), None)
        if newest is not None:
            self._look(client, newest)

    def _look(self, client: httpx.Client, order_id: str) -> None:
        order = order_of(int(order_id.rpartition("-")[2]), self.seed)
        scope = {"namespace": order["namespace"], "tenant": order["tenant"]}
        url = self.urls[self.counts.total() % len(self.urls)]
        try:
            answer = client.get(f"{url}/v1/events", params=scope)
        except httpx.HTTPError as error:
            self.counts[type(error).__name__] += 1
            return
        if answer.status_code != httpx.codes.OK:
            self.counts[f"HTTP {answer.status_code}"] += 1
            return
        self.counts["read"] += 1
        if order_id not in {event["fingerprint"] for event in answer.json()["events"]}:
            self.missing.append(order_id)
