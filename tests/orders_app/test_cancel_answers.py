"""A cancel answers with the state after it: its run is waited for, as long as a request may wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connections

from chains_app.models import Run, StepRun
from chains_app.providers.base import Answer, Call, ProviderSettings
from chains_app.providers.log import LogKind
from chains_app.services.advance import run_advance
from orders_app.models import Order
from tests.threads import at_once
from tests.world import SCOPE, Shop, load_shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    load_shop()
    return Shop()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was called, in order; each call takes a while, the charge until somebody cancels."""
    made: list[str] = []
    call = LogKind.call

    def slowly(kind: LogKind, settings: ProviderSettings, what: Call) -> Answer:
        made.append(what.action_type)
        ends = time.monotonic() + 20
        while len(made) == 2 and not Run.objects.filter(cancel_requested_at__isnull=False).exists():
            assert time.monotonic() < ends
            time.sleep(0.01)
        time.sleep(0.3)
        return call(kind, settings, what)

    monkeypatch.setattr(LogKind, "call", slowly)
    return made


def placed(shop: Shop) -> Run:
    shop.place(payload={"order_id": "o-1"})
    return Run.objects.get()


@pytest.fixture
def worker() -> Iterator[Callable[[Run], None]]:
    """Another process that has taken the run."""
    threads: list[threading.Thread] = []

    def advance(run: Run) -> None:
        try:
            run_advance(run.pk)
        finally:
            connections.close_all()

    def take(run: Run) -> None:
        threads.append(threading.Thread(target=advance, args=(run,)))
        threads[0].start()
        ends = time.monotonic() + 10
        while not StepRun.objects.filter(run=run, name="charge", status="running").exists():
            assert time.monotonic() < ends
            time.sleep(0.01)

    yield take
    for thread in threads:
        thread.join()


def cancel(shop: Shop, path: str) -> Any:
    answer = shop.post(path, {**SCOPE, "reason": "changed my mind"})
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_an_order_under_way_is_cancelled_in_the_answer(shop: Shop, calls: list[str]) -> None:
    placed(shop)
    assert cancel(shop, "/v1/orders/o-1/cancel")["status"] == "cancelled"
    assert cancel(shop, "/v1/orders/o-1/cancel")["status"] == "cancelled"
    assert calls == []


def test_a_chain_too(shop: Shop, calls: list[str]) -> None:
    run = placed(shop)
    told = cancel(shop, f"/v1/chains/{run.pk}/cancel")
    assert (told["status"], told["cancel_reason"]) == ("cancelled", "changed my mind")
    assert Order.objects.get().status == "cancelled"


def test_the_call_in_flight_is_awaited_and_undone_before_the_answer(
    shop: Shop, calls: list[str], worker: Callable[[Run], None]
) -> None:
    worker(placed(shop))
    told = cancel(shop, "/v1/orders/o-1/cancel")
    assert told["status"] == "cancelled"
    assert len(calls) == 3  # validate, charge, refund
    assert StepRun.objects.get(name="charge").undo == "done"


def test_what_takes_longer_goes_on_without_the_answer(
    shop: Shop, calls: list[str], worker: Callable[[Run], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders_app.services.cancel.CANCEL_SECONDS", 0.05)
    worker(placed(shop))
    told = cancel(shop, "/v1/orders/o-1/cancel")
    assert told["status"] == "processing"
    assert Run.objects.get().cancel_requested_at is not None
    monkeypatch.undo()
    assert cancel(shop, "/v1/orders/o-1/cancel")["status"] == "cancelled"


@pytest.mark.postgres
def test_of_ten_cancels_at_once_all_say_cancelled_and_one_refund_is_made(
    shop: Shop, calls: list[str], worker: Callable[[Run], None]
) -> None:
    cancels = [partial(cancel, Shop(), "/v1/orders/o-1/cancel") for _ in range(10)]
    worker(placed(shop))
    told = at_once(cancels)
    assert {one["status"] for one in told} == {"cancelled"}
    assert len(calls) == 3
