"""A provider that answers over real HTTP as each test tells it, and chains that call it."""

from __future__ import annotations

import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

from django.db.models import F

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from chains_app.models import CircuitBreaker, Incident, Run
from chains_app.services.advance import runs_sweep
from chains_app.services.definitions import chain_save
from chains_app.services.providers import breaker_save, provider_save
from tests.chains_app.peer import Peer, hang_up, respond
from tests.world import Shop, order, tag

GONE = 0  # the script's word for a connection that breaks before the answer
CHAIN = {"name": "special", "timeout_seconds": 86_400 * 90, "trigger": {"action_type": "special_order"}}


class Gateway:
    """The payment gateway: answers by the kind of call; `effects` counts distinct keys that took effect."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.script: dict[str, list[int]] = {}
        self.bodies: dict[str, Any] = {}
        peer.reply = self._serve

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        sent = json.loads(self.peer.said[-1].body)
        kind = sent["action_type"]
        statuses = self.script.get(kind, [])
        status = statuses.pop(0) if statuses else 200
        if status == 0:
            return hang_up(handler)
        body = self.bodies.get(kind, {"logged": True}) if status == 200 else {"error": "no"}
        return respond(handler, status, json.dumps(body).encode(), {})

    def calls(self, kind: str = "") -> list[dict[str, Any]]:
        sent = [json.loads(said.body) for said in self.peer.said]
        return [body for body in sent if not kind or body["action_type"] == kind]

    def keys(self, kind: str) -> set[str]:
        return {
            said.headers["idempotency-key"]
            for said in self.peer.said
            if json.loads(said.body)["action_type"] == kind
        }


def settle(times: int = 12) -> None:
    """Run what is due; then let retries and pauses pass, and run again."""
    for _ in range(times):
        runs_sweep()
        Run.objects.filter(next_run_at__isnull=False).update(
            next_run_at=F("next_run_at") - timedelta(minutes=2)
        )
        for run in Run.objects.filter(ended_at__isnull=True):
            run.steps.filter(retry_at__isnull=False).update(retry_at=F("retry_at") - timedelta(minutes=2))
        recovering = CircuitBreaker.objects.filter(opened_at__isnull=False)
        recovering.update(opened_at=F("opened_at") - timedelta(seconds=20))


def placed(shop: Shop, **changes: Any) -> Run:
    outcome = shop.place(**changes)
    assert tag(outcome) == "Executed", outcome
    return Run.objects.get(pk=outcome["Executed"]["body"]["chain_id"])


def detail(shop: Shop, run: Run) -> dict[str, Any]:
    found: dict[str, Any] = shop.get(f"/v1/chains/{run.pk}").json()
    return found


def step(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "provider": "peer", "action_type": f"do_{name}", **more}


def undoable(name: str, **more: Any) -> dict[str, Any]:
    return step(name, compensate={"provider": "peer", "action_type": f"undo_{name}"}, **more)


def start(shop: Shop, *steps: dict[str, Any], **more: Any) -> Run:
    chain_save(spec={**CHAIN, **more, "steps": list(steps)}, actor="test")
    config_versions.reset()
    outcome = shop.dispatch(order(action_type="special_order")).json()
    assert tag(outcome) == "Executed", outcome
    return Run.objects.get(pk=outcome["Executed"]["body"]["chain_id"])


def status(run: Run) -> str:
    return Run.objects.get(pk=run.pk).status


def webhook(gateway: Gateway, name: str, path: str = "", **more: Any) -> None:
    url = gateway.peer.url + path
    spec = {"name": name, "type": "webhook", "url": url, "envelope": True, "timeout_seconds": 1, **more}
    provider_save(spec=spec, actor="test")
    config_versions.reset()


def charging(gateway: Gateway) -> None:
    """The fixture's own providers, at the scripted gateway."""
    for name in ("payment-gateway", "warehouse", "email-service"):
        webhook(gateway, name)


def with_fallback(gateway: Gateway) -> None:
    webhook(gateway, "second", "/second")
    spec = {"provider": "peer", "fallback_provider": "second", "recovery_timeout_seconds": 60}
    breaker_save(spec={**spec, "failure_threshold": 50}, actor="test")
    config_versions.reset()


def breaker(state: str) -> None:
    opened_at = db_now() if state == "open" else None
    CircuitBreaker.objects.filter(provider="peer").update(state=state, opened_at=opened_at)


def incident() -> Incident:
    return Incident.objects.get(resolved_at=None)


def decide(shop: Shop, verb: str, **body: str) -> Any:
    return shop.post(f"/v1/incidents/{incident().pk}/{verb}", body)


def receivers(gateway: Gateway) -> list[str]:
    return [said.path.rpartition("/")[2] for said in gateway.peer.said]


def out_of_time(run: Run) -> None:
    """Its deadline passes while it waits."""
    Run.objects.filter(pk=run.pk).update(expires_at=db_now(), next_run_at=db_now())
