"""The people around the gateway: shops that pack, customers who cancel, and those who look after what is parked.

Each decision follows from the order and the seed; when it is made does not.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg

from bench.callers import Caller
from bench.mixed import CHAIN, FALLBACKS, SIGNAL, effects
from bench.provider_sim import share

TRIP_SECONDS = 6
WAITING = """
    SELECT id::text, action_id, namespace, tenant, status, jsonb_array_length(execution_path)
    FROM chains_app_run WHERE chain_name = %s AND ended_at IS NULL
"""
INCIDENTS = """
    SELECT i.id::text, i.reason, i.step, r.id::text, r.phase, r.action_id, s.used_provider
    FROM chains_app_incident i JOIN chains_app_run r ON r.id = i.run_id
    LEFT JOIN chains_app_steprun s ON s.run_id = r.id AND s.name = i.step
    WHERE i.resolved_at IS NULL
"""


@dataclass(frozen=True)
class Parked:
    """An incident as a person sees it."""

    id: str
    reason: str
    step: str
    run: str
    phase: str
    order: str
    used_provider: str | None

    @property
    def key(self) -> str:
        return f"{self.run}:{self.step}" + (":compensate" if self.phase == "undoing" else "")


@dataclass(kw_only=True)
class People(Caller):
    """`finishing`: nothing is left lying any more; `still`: whoever has it keeps them from doing anything.

    `counts`: what was done, with what answer.
    """

    connect: Callable[[], psycopg.Connection[Any]]
    ask: Callable[..., dict[str, Any]]  # the provider's control port
    random: random.Random
    pause: float = 0.3
    finishing: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    still: threading.Lock = field(default_factory=threading.Lock)
    _signalled: set[str] = field(default_factory=set)
    _cancelled: set[str] = field(default_factory=set)
    _tripped: float = field(default_factory=time.monotonic)

    def visit(self, client: httpx.Client) -> None:
        # What they need is broken on purpose; they come back.
        with self.still, suppress(psycopg.Error, httpx.HTTPError):
            self._look_around(client)

    def _look_around(self, client: httpx.Client) -> None:
        with self.connect() as connection:
            waiting = connection.execute(WAITING, [CHAIN]).fetchall()
            incidents = [Parked(*row) for row in connection.execute(INCIDENTS).fetchall()]
        for run, order, namespace, tenant, status, steps in waiting:
            self._signal(client, run, order, status)
            self._cancel(client, order, {"namespace": namespace, "tenant": tenant}, steps)
        for parked in incidents:
            if self.finishing or share(parked.id, "left") >= 20:
                self._decide(client, parked)
        if not self.finishing and time.monotonic() - self._tripped > TRIP_SECONDS:
            self._tripped = time.monotonic()
            name = self.random.choice(sorted(FALLBACKS))
            self._post(client, "breaker tripped", f"/v1/circuit-breakers/{name}/trip", {})

    def _signal(self, client: httpx.Client, run: str, order: str, status: str) -> None:
        """A third at once, most when they are asked, the rest never."""
        plan = share(order, "signal")
        if run in self._signalled or plan >= 80 or (plan >= 35 and status != "waiting_signal"):
            return
        body = {"signal": SIGNAL, "payload": {"approved": share(order, "approved") >= 10}}
        if self._post(client, "signal", f"/v1/chains/{run}/signal", body):
            self._signalled.add(run)

    def _cancel(self, client: httpx.Client, order: str, scope: Mapping[str, str], steps: int) -> None:
        if order in self._cancelled or share(order, "cancel") >= 8 or steps < share(order, "when") % 9:
            return
        if self._post(client, "cancel an order", f"/v1/orders/{order}/cancel", scope):
            self._cancelled.add(order)

    def _decide(self, client: httpx.Client, parked: Parked) -> None:
        verb, outcome = self._verdict(parked)
        body = {"outcome": outcome} if outcome else {}
        self._post(
            client, f"{parked.reason}: {verb} {outcome}".strip(), f"/v1/incidents/{parked.id}/{verb}", body
        )

    def _verdict(self, parked: Parked) -> tuple[str, str]:
        if parked.reason == "unknown_outcome":
            return self._of_doubt(parked)
        if parked.reason == "fallback_review":
            return "skip", "done"  # what the fallback was given is good
        if parked.reason == "compensation_failed":
            self._undo_by_hand(parked)
            return "skip", ""
        return "retry", ""

    def _of_doubt(self, parked: Parked) -> tuple[str, str]:
        """They look at the provider, and say what they found, or ask again, or give the order up, which leaves the
        doubt as it is."""
        done = any(key == parked.key for _, key, _, _ in self.ask("/ledger")["effects"])
        undoing = parked.phase == "undoing"
        if self.random.random() < 0.15 and not undoing:
            return "cancel", ""
        if self.random.random() < 0.4:
            return "retry", ""
        return ("skip", "done") if done else ("retry", "not_done")

    def _undo_by_hand(self, parked: Parked) -> None:
        self.ask(
            "/by_hand",
            provider=parked.used_provider,
            key=f"{parked.run}:{parked.step}:compensate",
            action_type=effects()[parked.step].undo,
            order_id=parked.order,
        )

    def _post(self, client: httpx.Client, what: str, path: str, body: Mapping[str, Any]) -> bool:
        """True where it need not be tried again: done, or refused for good."""
        status = client.post(path, json=dict(body)).status_code
        told = {200: "", 404: " (gone)", 409: " (too late)"}.get(status, f" (HTTP {status})")
        self.counts[what + told] += 1
        if status in (400, 403, 422):
            self.problems.append(f"{what} was answered with {status}")
        return status < 500
