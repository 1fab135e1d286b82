"""Hundreds of calls side by side: bounded for each provider, each with one end, none in another's way."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.db import transaction

from chains_app.providers import calling, own
from chains_app.providers.base import Answer, Call, ProviderSettings, Runs
from chains_app.providers.registry import KINDS
from chains_app.services import calls_in_flight as module
from chains_app.services.calls_in_flight import CallsInFlight, calls_in_flight
from chains_app.services.leases import MARGIN
from chains_app.services.requests import Reply, Request
from chains_app.services.step_calls import make_call
from tests.chains_app.crowd import Crowd
from tests.chains_app.flights import Ends, Providers, request, until


def test_three_hundred_calls_are_in_flight_at_the_same_time(named: Providers, crowd: Crowd) -> None:
    """The server answers none of them before it has all of them."""
    named.webhook("shop", crowd.url("/together"), most=300)
    crowd.expected, ends = 300, Ends()
    for _ in range(300):
        calls_in_flight().start(request("shop"), ends.done)
    replies = ends.wait_for(300)
    assert crowd.most["/together"] == 300
    assert all(reply.body == {"ok": True} for reply in replies)
    assert ends.threads == {"calls"}
    assert (calls_in_flight().drain(5), calls_in_flight().in_flight) == (True, 0)


def test_a_provider_that_hangs_holds_up_no_other(named: Providers, crowd: Crowd) -> None:
    named.webhook("hangs", crowd.url("/hang"), most=3)
    named.webhook("shop", crowd.url("/at-once"), most=3)
    hanging, ends = Ends(), Ends()
    for _ in range(9):
        calls_in_flight().start(request("hangs", timeout=1.5), hanging.done)
    for _ in range(9):
        calls_in_flight().start(request("shop"), ends.done)
    assert all(reply.failure is None for reply in ends.wait_for(9))
    assert (hanging.replies, calls_in_flight().free("hangs"), calls_in_flight().free("shop")) == ([], 0, 3)
    codes = [(reply.failure.code, reply.failure.unknown) for reply in hanging.wait_for(9) if reply.failure]
    assert codes.count(("TIMEOUT", True)) >= 3  # those that were sent; who waited as long was not
    assert set(codes) <= {("TIMEOUT", True), ("TIMEOUT", False)}
    assert crowd.most["/hang"] == 3


@pytest.mark.parametrize("most", [1, 7])
def test_no_more_than_its_bound_are_ever_in_flight_and_the_rest_come_in_order(
    named: Providers, crowd: Crowd, most: int
) -> None:
    named.webhook("shop", crowd.url("/slow"), most=most)
    ends, flights = Ends(), calls_in_flight()
    for number in range(60):
        assert flights.free("shop") == max(0, most - flights.in_flight)
        flights.start(request("shop", note=f"{number:02}"), ends.done)
    assert all(reply.failure is None for reply in ends.wait_for(60))
    assert crowd.most["/slow"] == most
    assert len(crowd.order) == 60
    assert flights.free("shop") == most
    if most == 1:
        assert crowd.order == sorted(crowd.order)


def test_a_bound_that_is_raised_lets_those_that_wait_go(named: Providers, crowd: Crowd) -> None:
    named.webhook("shop", crowd.url("/together"), most=1)
    crowd.expected, ends = 4, Ends()
    for _ in range(3):
        calls_in_flight().start(request("shop"), ends.done)
    named.webhook("shop", crowd.url("/together"), most=4)
    calls_in_flight().start(request("shop"), ends.done)
    assert all(reply.failure is None for reply in ends.wait_for(4))


def test_a_turn_that_does_not_come_in_time_is_a_call_that_was_not_sent(
    named: Providers, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 0.2)
    named.webhook("shop", crowd.url("/held"), most=1)
    first, second = Ends(), Ends()
    calls_in_flight().start(request("shop", note="first"), first.done)
    calls_in_flight().start(request("shop", note="second"), second.done)
    failure = second.wait_for(1)[0].failure
    assert failure
    assert (failure.code, failure.retryable, failure.unknown) == ("TIMEOUT", True, False)
    crowd.let_go()
    assert first.wait_for(1)[0].failure is None
    assert len(crowd.order) == 1


@pytest.mark.parametrize("kind", ["webhook", "log"])
def test_a_process_that_stood_still_between_recording_a_call_and_making_it_makes_it_no_more(
    named: Providers, crowd: Crowd, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Its lease may have run out meanwhile, and somebody may have settled that the call was not made."""
    named.webhook("shop", crowd.url("/"), most=1)
    named["book"] = ProviderSettings("book", "log")
    late, ends = request("shop" if kind == "webhook" else "book"), Ends()
    frozen = time.monotonic() + module.SEND_SECONDS + 1
    monkeypatch.setattr(module.time, "monotonic", lambda: frozen)
    calls_in_flight().start(late, ends.done)
    failure = ends.wait_for(1)[0].failure
    assert failure
    assert (failure.code, failure.retryable, failure.unknown) == ("TIMEOUT", True, False)
    assert crowd.order == []
    assert module.TURN_SECONDS < module.SEND_SECONDS < MARGIN.total_seconds()


def test_what_answers_at_once_does_so_in_the_thread_that_asks(named: Providers) -> None:
    own.renew()
    named["log"] = ProviderSettings("log", "log")
    named["off"] = ProviderSettings("off", "webhook", enabled=False)
    named["pigeon"] = ProviderSettings("pigeon", "pigeon")
    ends = Ends()
    for name in ("log", "off", "pigeon", "nobody"):
        calls_in_flight().start(request(name), ends.done)
        assert calls_in_flight().free(name) > 0
    codes = [reply.failure.code if reply.failure else "" for _, reply in ends.replies]
    assert codes == ["", "CONFIGURATION", "CONFIGURATION", "PROVIDER_NOT_FOUND"]
    assert ends.threads == {threading.current_thread().name}
    assert "calls" not in [thread.name for thread in threading.enumerate()]


def test_no_call_is_started_inside_a_transaction(named: Providers) -> None:
    named["log"], ends = ProviderSettings("log", "log"), Ends()
    with transaction.atomic(), pytest.raises(AssertionError, match="inside a transaction"):
        calls_in_flight().start(request("log"), ends.done)
    assert ends.replies == []


def test_mail_that_blocks_holds_up_nobody(named: Providers, crowd: Crowd) -> None:
    release = threading.Event()

    def blocks(*_: Any) -> Answer:
        assert release.wait(30)
        return Answer({"sent": True})

    named.kind("mail", Runs.IN_THREAD, blocks)
    named.webhook("shop", crowd.url("/at-once"))
    mails, ends = Ends(), Ends()
    assert calls_in_flight().free("mail") == calling.MOST_BLOCKING
    for _ in range(calling.MOST_BLOCKING + 4):
        calls_in_flight().start(request("mail"), mails.done)
    for _ in range(20):
        calls_in_flight().start(request("shop"), ends.done)
    assert all(reply.failure is None for reply in ends.wait_for(20))
    assert mails.replies == []
    release.set()
    assert all(reply.body == {"sent": True} for reply in mails.wait_for(calling.MOST_BLOCKING + 4))


def test_each_call_logs_with_the_context_of_who_started_it(named: Providers) -> None:
    async def tells(_: Any, call: Call) -> Answer:
        structlog.contextvars.bind_contextvars(**{call.payload["note"]: 1})
        return Answer(structlog.contextvars.get_contextvars())

    def tells_in_thread(*_: Any) -> Answer:
        return Answer(structlog.contextvars.get_contextvars())

    named.kind("loop", Runs.ON_LOOP, tells, most=1)
    named.kind("thread", Runs.IN_THREAD, tells_in_thread, most=1)
    ends = Ends()
    for number in range(6):
        with structlog.contextvars.bound_contextvars(request_id=str(number)):
            calls_in_flight().start(request(("loop", "thread")[number % 2], note=str(number)), ends.done)
    ends.wait_for(6)
    for number, reply in ends.replies:
        assert reply.body is not None
        assert reply.body.pop(number, 1) == 1
        assert reply.body == {"request_id": number}


def forked(work: Callable[[], bool]) -> bool:
    """What a forked child makes of it."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_forked_child_has_a_loop_of_its_own(named: Providers, crowd: Crowd) -> None:
    """python/cpython#75155, #66285: an inherited loop answers nobody, and its descriptors are the parent's."""
    named.webhook("shop", crowd.url("/at-once"))
    named.webhook("held", crowd.url("/held"))
    ends, inherited = Ends(), own.own()
    assert make_call(request("shop")).failure is None
    calls_in_flight().start(request("held"), ends.done)
    until(lambda: crowd.now["/held"] == 1)

    def in_child() -> bool:
        alone = calls_in_flight().in_flight == 0
        return alone and make_call(request("shop")).failure is None and own.own() is not inherited

    assert forked(in_child)
    crowd.let_go()
    assert ends.wait_for(1)[0].failure is None
    assert make_call(request("shop")).failure is None
    assert own.own() is inherited


ENDING = """
import os, sys, threading, time
import django
django.setup()
from chains_app.providers import own
from chains_app.providers.exchange import exchange
from chains_app.providers.requests import HttpRequest
import asyncio
url = sys.argv[1]
for _ in range(20):
    asyncio.run_coroutine_threadsafe(exchange(HttpRequest("POST", url), 60), own.own().loop)
time.sleep(0.5)
if sys.argv[2] == "fork" and os.fork():
    os.wait()
"""


@pytest.mark.parametrize("how", ["exit", "fork"])
def test_an_interpreter_ends_in_silence_with_calls_under_way(crowd: Crowd, how: str) -> None:
    environment = os.environ | {
        "ACTEON_OUTBOUND_ALLOW": "127.0.0.1",
        "DJANGO_SETTINGS_MODULE": "acteon_site.settings",
    }
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-c", ENDING, crowd.url("/hang"), how],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert crowd.most["/hang"] == 20
    assert ran.returncode == 0
    noise = [word for word in ("pending", "never", "Exception", "Error", "loop") if word in ran.stderr]
    assert noise == [], ran.stderr


def test_every_kind_runs_as_it_says() -> None:
    for kind in KINDS.values():
        assert inspect.iscoroutinefunction(kind.call) is (kind.runs is Runs.ON_LOOP)


def test_a_place_is_free_again_before_its_end_is_told(named: Providers, crowd: Crowd) -> None:
    """So that whoever takes it there may start the next."""
    named.webhook("shop", crowd.url("/at-once"), most=1)
    flights, free, ends = CallsInFlight(), [], Ends()

    def next_one(asked: Request, reply: Reply) -> None:
        free.append(flights.free("shop"))
        if len(free) < 5:
            threading.Thread(target=flights.start, args=(request("shop"), next_one)).start()
        else:
            ends.done(asked, reply)

    flights.start(request("shop"), next_one)
    ends.wait_for(1)
    assert free == [1] * 5
