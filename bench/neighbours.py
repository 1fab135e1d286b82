"""What one tenant's expensive requests do to another tenant's orders.

`python -m bench.neighbours --rounds 3 --seconds 8`

PostgreSQL and Redis of its own, one web process, no worker. A quiet tenant sends one order after another; a loud one
sends one kind of expensive request from several clients at once. Each round measures the quiet one alone and beside
each kind, one after the other, so that their ratios come from the same minute.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

import httpx

from bench.gateway import Gateway
from bench.orders import order_of
from bench.throughput import logging_gateway

CLIENTS, SIGN_INS = 8, 20
SCOPE = {"namespace": "ecommerce", "tenant": "loud"}
_numbers = count(time.time_ns() // 1000 % 10**9 * 1000)  # another process counts too
TEMPLATES = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "acteon_site.settings"
import django
django.setup()
from orders_app.models import Template
Template.objects.bulk_create(
    Template(namespace="ecommerce", tenant="loud", name=f"t{number}", content="{{ order_id }} " * 400)
    for number in range(1000)
)
"""
PEOPLE = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "acteon_site.settings"
import django
django.setup()
from django.contrib.auth.models import Group, User
for number in range(20):
    user = User.objects.create_user(f"person{number}", password="a long enough password", is_staff=True)
    user.groups.add(Group.objects.get(name="viewer"))
"""

Send = Callable[[httpx.Client], httpx.Response]


def fresh(tenant: str) -> dict[str, Any]:
    return {**order_of(next(_numbers), 1), "tenant": tenant}


def batch(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/dispatch/batch", json=[fresh("loud") for _ in range(300)])


@cache
def _large_evaluation() -> bytes:
    body = fresh("loud")
    body["payload"]["items"] = [
        {"sku": f"MUG-{number}", "qty": 1, "note": "x" * 40} for number in range(10_000)
    ]
    return json.dumps({**body, "evaluate_all": True}).encode()


def evaluation(client: httpx.Client) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    return client.post("/v1/rules/evaluate", content=_large_evaluation(), headers=headers)


def rendering(client: httpx.Client) -> httpx.Response:
    text = "{% for a in range(400) %}{% for b in range(400) %}{{ a * b }}{% endfor %}{% endfor %}"
    return client.post("/v1/templates/render", json={"template": text, "data": {}})


def templates(client: httpx.Client) -> httpx.Response:
    return client.get("/v1/templates", params={**SCOPE, "limit": "1000"})


def export(client: httpx.Client) -> httpx.Response:
    return client.get("/v1/audit", params={**SCOPE, "limit": "1000"})


def replay(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/audit/replay", params={**SCOPE, "limit": "200", "outcome": "executed"})


def sign_in(client: httpx.Client) -> httpx.Response:
    body = {"username": f"person{next(_numbers) % SIGN_INS}", "password": "a long enough password"}
    return client.post("/v1/auth/login", json=body)


KINDS: dict[str, Send] = {
    "batches of 300": batch,
    "large evaluations": evaluation,
    "renderings": rendering,
    "1,000 templates": templates,
    "exports of 1,000": export,
    "replays of 200": replay,
    "sign-ins, 20 at once": sign_in,
}


def key_of(gateway: Gateway, tenant: str) -> str:
    command = ("manage.py", "create_api_key", tenant, "--role=admin", f"--tenant={tenant}", "--quiet")
    return gateway.run(*command).strip()


def client_of(url: str, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    limits = httpx.Limits(max_connections=40)
    return httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False, limits=limits)


@contextmanager
def noise(url: str, key: str, kind: str) -> Iterator[Counter[int]]:
    """Several clients that send this all the while; how many answers of which status they got, once they have ended.

    In a process of its own: the one that measures must not be slowed down by what it measures.
    """
    context = multiprocessing.get_context("spawn")
    over, told = context.Event(), context.Queue()
    process = context.Process(target=make_noise, args=(url, key, kind, over, told))
    process.start()
    told.get()
    answers: Counter[int] = Counter()
    try:
        yield answers
    finally:
        over.set()
        answers.update(told.get())
        process.join()


def make_noise(url: str, key: str, kind: str, over: Any, told: Any) -> None:
    os.nice(19)  # strangers read their megabytes of answers on machines of their own
    answers: Counter[int] = Counter()

    def go_on(client: httpx.Client) -> None:
        while not over.is_set():
            answer = KINDS[kind](client)
            answers[answer.status_code] += 1
            if answer.status_code in (429, 503):
                over.wait(float(answer.headers["Retry-After"]))

    with client_of(url, key) as client:
        clients = SIGN_INS if KINDS[kind] is sign_in else CLIENTS
        threads = [threading.Thread(target=go_on, args=(client,)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        over.wait(1)
        told.put(None)
        for thread in threads:
            thread.join()
    told.put(dict(answers))


def p95_of(client: httpx.Client, seconds: float) -> float:
    """Milliseconds, of orders sent one after another with a breath between them."""
    times: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.perf_counter()
        while not client.post("/v1/dispatch", json=fresh("quiet")).is_success:
            pass  # what an order waits that has to be sent again
        times.append(time.perf_counter() - started)
        time.sleep(0.02)
    return 1000 * statistics.quantiles(times, n=20)[-1] if len(times) > 1 else 1000 * times[0]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement")
    parser.add_argument("--kind", choices=KINDS, action="append", help="default: all")
    given = parser.parse_args(arguments)
    alone: dict[str, list[float]] = {}
    beside: dict[str, list[float]] = {}
    with logging_gateway(workers=0) as (gateway, _):
        gateway.run("-c", TEMPLATES)
        gateway.run("-c", PEOPLE)
        loud = key_of(gateway, "loud")
        with client_of(gateway.url, loud) as client:
            for _ in range(4):
                batch(client).raise_for_status()
        with client_of(gateway.url, key_of(gateway, "quiet")) as client:
            p95_of(client, 2)  # caches, connections
            for kind in [*(given.kind or KINDS)] * given.rounds:
                usual = p95_of(client, given.seconds)
                with noise(gateway.url, loud, kind) as answers:
                    then = p95_of(client, given.seconds)
                alone.setdefault(kind, []).append(usual)
                beside.setdefault(kind, []).append(then)
                print(f"{kind:<22} {usual:5.0f} ms, {then:5.0f} ms  {dict(answers)}", flush=True)
    for kind, found in beside.items():
        usual, then = statistics.median(alone[kind]), statistics.median(found)
        print(f"{kind:<22} p95 alone {usual:5.0f} ms, beside it {then:5.0f} ms  x{then / usual:.1f}")
    print(f"({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
