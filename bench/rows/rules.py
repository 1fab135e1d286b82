"""A thousand enabled rules against ten, and an action that few of them concern."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from statistics import median
from typing import Any

import httpx

from bench.load import Heard, Load, put
from bench.rows.row import Measured
from bench.shop import order
from bench.site import Running, Site

FEW, MANY = 10, 1000
BATCH = 100


def many(site: Site, seconds: float) -> Measured:
    """Both in one running system, so that it is the same but for its rules."""
    with site.running() as running:
        few_decided, few = _measured(site, running, FEW, seconds)
        many_decided, many = _measured(site, running, MANY, seconds)
    figures = {
        f"p50 ms of a request, {MANY:,} rules": many.p50_ms,
        f"of {FEW} rules'": many.p50_ms / few.p50_ms,
        f"ms of a decision, {MANY:,} rules": many_decided,
        f"decision, of {FEW} rules'": many_decided / few_decided,
    }
    return replace(Measured.of(many), figures=figures, errors=few.errors + many.errors)


def _measured(site: Site, running: Running, count: int, seconds: float) -> tuple[float, Heard]:
    folder = site.directory / f"rules-{count}-{time.time_ns()}"
    folder.mkdir()
    (folder / "rules.yaml").write_text(json.dumps({"rules": [_rule(number) for number in range(count)]}))
    running.gateway.run("manage.py", "load_pipeline", str(folder), "--source", "bench-rules", "--force")
    time.sleep(2)  # every process decides by them within a second
    put(Load(1, order()), running.url, running.key, 1)
    heard = put(Load(1, order()), running.url, running.key, seconds)
    with running.client() as client:
        return _decision_ms(client, seconds), heard


def _rule(number: int) -> dict[str, Any]:
    """Of ten, six are about other types of action, three about other shops, and one looks at every order's sum."""
    place = number % 10
    if place < 6:
        about = {"field": "action.action_type", "eq": f"type-{number}"}
    elif place < 9:
        about = {"field": "action.tenant", "eq": f"other-{number}"}
    else:
        about = {"field": "action.action_type", "eq": "place_order"}
    condition = {"all": [about, {"field": "action.payload.total_cents", "gte": 10_000_000 + number}]}
    return {"name": f"bench-{number}", "priority": 2, "condition": condition, "action": {"type": "deny"}}


def _decision_ms(client: httpx.Client, seconds: float) -> float:
    """A dry run decides and does nothing else: the time of an action in a batch of them."""
    actions = [order(f"dry-{number}", number) for number in range(BATCH)]
    times: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(times) < 3:
        started = time.perf_counter()
        client.post("/v1/dispatch/batch", params={"dry_run": "true"}, json=actions).raise_for_status()
        times.append(time.perf_counter() - started)
    return 1000 * median(times) / BATCH
