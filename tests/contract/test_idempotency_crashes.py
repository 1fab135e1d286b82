"""Idempotency-Key where the process dies, or is slower than its lock, between the commit and the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from audit_app.models import AuditRecord
from chains_app.models import Run
from orders_app.models import Action, Order, RememberedAnswer
from orders_app.pipeline import dispatch as pipeline
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.conftest import AddRule
from tests.contract.repeating import PATH, PING, send
from tests.contract.strict import listed
from tests.world import CLOSED_HOURS, order, tag


class ProcessDiedError(BaseException):
    """Nothing catches it on the way out: as when the process is killed."""


def die(*_: Any, **__: Any) -> None:
    raise ProcessDiedError


def time_passes() -> None:
    RememberedAnswer.objects.update(locked_until=F("locked_until") - timedelta(minutes=5))


def test_a_crash_before_the_commit_is_taken_over_and_done_once(
    client: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = order()
    with monkeypatch.context() as patched:
        patched.setattr("orders_app.api.views_dispatch.dispatch_many", die)
        with pytest.raises(ProcessDiedError):
            send(client, action)
    answer = send(client, action)
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")
    assert answer.json()["retryable"] is True
    time_passes()
    assert tag(send(client, action).json()) == "Executed"
    assert send(client, action).headers["Idempotency-Replayed"] == "true"
    assert Order.objects.count() == 1


def test_after_a_crash_before_the_commit_a_corrected_request_goes_through_too(
    client: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("orders_app.api.views_dispatch.dispatch_many", die)
        with pytest.raises(ProcessDiedError):
            send(client, order(payload={"order_id": "o-1", "total_cents": "x"}))
    action = order(payload={"order_id": "o-1"})
    assert send(client, action).status_code == 422  # for all that is known, the first is still at work
    time_passes()
    assert tag(send(client, action).json()) == "Executed"
    assert Order.objects.count() == 1


def crashed(client: Strict, body: Any, monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    """The transaction committed, and then the process died."""
    with monkeypatch.context() as patched:
        patched.setattr("orders_app.services.idempotency._finish", die)
        with pytest.raises(ProcessDiedError):
            send(client, body, **more)
    assert send(client, body, **more).status_code == 409
    time_passes()


def executed(rule: AddRule) -> Any:
    return order()


def bare(rule: AddRule) -> Any:
    rule("allow")
    return {**PING, "id": "same"}


def suppressed(rule: AddRule) -> Any:
    return order(payload={"shipping_country": "SY"})


def pending(rule: AddRule) -> Any:
    return order(payload={"total_cents": 60_000})


def rerouted(rule: AddRule) -> Any:
    rule("reroute", target_provider="compliance-queue")
    return {**PING, "id": "same"}


def chain_started(rule: AddRule) -> Any:
    rule("chain", chain="fraud-review")
    return {**PING, "id": "same"}


def failed(rule: AddRule) -> Any:
    rule("allow")
    return {**PING, "id": "same", "provider": "nobody"}


@pytest.mark.parametrize("make", [executed, bare, suppressed, pending, rerouted, chain_started, failed])
def test_a_crash_after_the_commit_rebuilds_the_answer_and_gates_nothing_again(
    client: Strict, rule: AddRule, monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    body = make(rule)
    crashed(client, body, monkeypatch)
    before = [model.objects.count() for model in (Action, Order, AuditRecord, Run)]
    answer = send(client, body)
    wanted = {"bare": "Executed", "pending": "PendingApproval", "chain_started": "ChainStarted"}
    assert tag(answer.json()) == wanted.get(make.__name__, make.__name__.capitalize())
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert [model.objects.count() for model in (Action, Order, AuditRecord, Run)] == before
    assert send(client, body).content == answer.content


def test_a_rebuilt_answer_is_the_one_that_was_lost(client: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    action = order()
    crashed(client, action, monkeypatch)
    rebuilt = send(client, action).json()
    shapes.outcome(rebuilt)
    body = rebuilt["Executed"]["body"]
    shapes.CHAIN_BODY(body)
    assert body["chain_id"] == str(Run.objects.get().pk)
    assert body["order_id"] == action["payload"]["order_id"]


def test_scheduled_and_deduplicated_are_rebuilt(client: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    night = {"X-Demo-Now": CLOSED_HOURS}
    crashed(client, action := order(), monkeypatch, **night)
    assert tag(send(client, action, **night).json()) == "Scheduled"
    client.send("POST", PATH, body=order(payload={"order_id": "a"}))
    crashed(client, again := order(payload={"order_id": "a"}), monkeypatch, key="second")
    answer = send(client, again, "second")
    assert answer.json() == "Deduplicated"
    assert answer.headers["X-Dedup-Reason"] == "living_order"


def test_a_batch_is_rebuilt_with_its_errors_in_their_places(
    client: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = [{"bad": 1}, order(payload={"order_id": "a"}), order(payload={"order_id": "a"}), "worse", order()]
    crashed(client, body, monkeypatch, path="/v1/dispatch/batch")
    answer = send(client, body, path="/v1/dispatch/batch")
    items = answer.json()
    listed(shapes.batch_item)(items, "$")
    assert [next(iter(item)) for item in items] == ["error", "Executed", "Deduplicated", "error", "Executed"]
    assert Order.objects.count() == 2


def test_an_error_after_the_commit_does_not_open_the_key_again(
    client: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    from acteon_site.base.errors import unavailable

    def fail(*_: Any) -> None:
        raise unavailable("the database went away")

    action = order()
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "outcomes_after_calls", fail)
        assert send(client, action).status_code == 503
    assert send(client, action).status_code == 409
    time_passes()
    assert tag(send(client, action).json()) == "Executed"
    assert Order.objects.count() == 1


def test_who_was_slower_than_its_lock_commits_nothing(
    client: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, action = pipeline.gate_and_act, {**order(), "id": None, "dedup_key": None}
    started, taken_over = [], []

    def slow(*given: Any) -> Any:
        started.append(given)
        if len(started) == 1:
            time_passes()
            taken_over.append(send(client, action))
        return real(*given)

    monkeypatch.setattr(pipeline, "gate_and_act", slow)
    late = send(client, action)
    assert tag(taken_over[0].json()) == "Executed"
    assert late.status_code == 409
    assert Order.objects.count() == Action.objects.count() == 1
