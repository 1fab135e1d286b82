"""Whatever goes wrong with a call, it has one end, which says what is known, and leaves nothing behind."""

from __future__ import annotations

import random
import socket
import threading
import time
from typing import Any

import pytest

from chains_app.providers import calling, own
from chains_app.providers.base import Answer, ProviderError, ProviderSettings, Runs
from chains_app.services.calls_in_flight import calls_in_flight
from chains_app.services.step_calls import make_call
from tests.chains_app.crowd import Crowd
from tests.chains_app.doors import on_loop
from tests.chains_app.flights import Ends, Providers, request, until

SURPRISE = RuntimeError("tok_supersecret")
# The path or the deed, and what is known of its effect: code, retryable, unknown.
FAULTS = {
    "/garbage": ("CONNECTION", True, True),
    "/half-head": ("CONNECTION", True, True),
    "/half-body": ("CONNECTION", True, True),
    "/half-chunk": ("CONNECTION", True, True),
    "/two-lengths": ("CONNECTION", True, True),
    "/endless-head": ("CONNECTION", True, True),
    "/hang-up": ("CONNECTION", True, True),
    "/drip": ("TIMEOUT", True, True),
    "/hang": ("TIMEOUT", True, True),
}


@pytest.mark.parametrize("path", FAULTS)
def test_every_fault_of_a_peer_is_one_end_and_leaves_no_connection(
    named: Providers, crowd: Crowd, path: str
) -> None:
    own.renew()
    named.webhook("shop", crowd.url(path))
    ends = Ends()
    for _ in range(5):
        calls_in_flight().start(request("shop", timeout=0.5), ends.done)
    for reply in ends.wait_for(5):
        assert reply.failure
        found = (reply.failure.code, reply.failure.retryable, reply.failure.unknown)
        assert found == FAULTS[path]
    assert calls_in_flight().drain(5)
    assert len(ends.replies) == 5
    assert on_loop(lambda: len(own.own().connections.open)) == 0
    until(lambda: crowd.open == 0)
    assert crowd.now[path] == 0


@pytest.mark.parametrize("path", ["/closes", "/until-the-end"])
def test_an_answer_that_ends_with_the_connection_is_one(named: Providers, crowd: Crowd, path: str) -> None:
    """A peer may close without having said so; its next call finds that out before it sends (aiohttp#7297, #3507)."""
    named.webhook("shop", crowd.url(path))
    for _ in range(30):
        assert make_call(request("shop")).body == {"ok": True}
        until(lambda: crowd.open == 0)
    assert (crowd.connections, len(crowd.order)) == (30, 30)


def test_faults_before_a_byte_was_sent_are_one_end_without_effect(
    named: Providers, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        named.webhook("refused", f"http://127.0.0.1:{closed.getsockname()[1]}/")
        named.webhook("inside", "http://127.0.0.2:80/")
        named.webhook("nowhere", "http://no-such-host.invalid/")
        ends = Ends()
        for name in named:
            calls_in_flight().start(request(name, note=name), ends.done)
        ends.wait_for(3)
    found = {name: reply.failure for name, reply in ends.replies}
    assert {name: failure.code for name, failure in found.items() if failure} == {
        "refused": "CONNECTION",
        "inside": "CONFIGURATION",
        "nowhere": "CONNECTION",
    }
    assert not any(failure.unknown for failure in found.values() if failure)


@pytest.mark.parametrize("runs", list(Runs))
@pytest.mark.parametrize("fault", [SURPRISE, ProviderError("EXECUTION_FAILED", "no"), MemoryError()])
def test_every_fault_of_a_kind_is_one_end(named: Providers, runs: Runs, fault: Exception) -> None:
    def plain(*_: Any) -> Answer:
        raise fault

    async def coroutine(*_: Any) -> Answer:
        raise fault

    named.kind("odd", runs, coroutine if runs is Runs.ON_LOOP else plain)
    ends = Ends()
    calls_in_flight().start(request("odd"), ends.done)
    (reply,) = ends.wait_for(1)
    assert calls_in_flight().drain(5)
    assert reply.failure
    assert reply.failure.unknown is not isinstance(fault, ProviderError)
    assert "tok_" not in reply.failure.message
    assert len(ends.replies) == 1


def test_a_kind_that_does_not_end_by_itself_is_ended(
    named: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def blocks(*_: Any) -> Answer:
        release.wait(30)
        return Answer({})

    monkeypatch.setattr(calling, "GRACE_SECONDS", 0.1)
    named.kind("odd", Runs.IN_THREAD, blocks)
    failure = make_call(request("odd", timeout=0.1)).failure
    release.set()
    assert failure
    assert (failure.code, failure.unknown) == ("TIMEOUT", True)


def test_who_fails_to_take_an_end_harms_no_other(named: Providers, crowd: Crowd) -> None:
    def faulty(*_: Any) -> None:
        raise ValueError

    named.webhook("shop", crowd.url("/at-once"), most=1)
    named["log"] = ProviderSettings("log", "log")
    ends = Ends()
    calls_in_flight().start(request("shop"), faulty)
    calls_in_flight().start(request("log"), faulty)
    calls_in_flight().start(request("shop"), ends.done)
    assert ends.wait_for(1)[0].failure is None
    assert calls_in_flight().drain(5)


def test_the_end_of_the_loop_ends_every_call_of_it(named: Providers, crowd: Crowd) -> None:
    named.webhook("shop", crowd.url("/hang"), most=3)
    ends = Ends()
    for _ in range(3):
        calls_in_flight().start(request("shop"), ends.done)
    until(lambda: crowd.now["/hang"] == 3)
    assert not calls_in_flight().drain(0.05)
    own.renew()
    assert all(reply.failure and reply.failure.unknown for reply in ends.wait_for(3))
    assert calls_in_flight().drain(5)
    named.webhook("shop", crowd.url("/at-once"))
    assert make_call(request("shop")).failure is None


def test_calls_that_are_cut_off_under_contention_use_up_no_connection(named: Providers, crowd: Crowd) -> None:
    """encode/httpcore#1093, #830, encode/httpx#1461: cancelled calls whose connections nobody got back."""
    own.renew()
    named.webhook("shop", crowd.url("/slow"), most=10)
    chance, ends = random.Random(7), Ends()
    for _ in range(400):
        calls_in_flight().start(request("shop", timeout=chance.uniform(0.001, 0.05)), ends.done)
        if chance.random() < 0.1:
            time.sleep(0.01)
    ends.wait_for(400)
    assert calls_in_flight().drain(10)
    until(lambda: on_loop(lambda: len(own.own().connections.open)) <= 10, 10)
    after = Ends()
    for _ in range(30):
        calls_in_flight().start(request("shop"), after.done)
    assert all(reply.failure is None for reply in after.wait_for(30))
    assert len(ends.replies) == 400
