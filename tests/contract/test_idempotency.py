"""Idempotency-Key: the first answer is given again, whatever happens to its process."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from acteon_site.base import stamps
from audit_app.models import AuditRecord
from chains_app.models import Run
from chains_app.services.breakers import breaker_trip
from orders_app.models import Action, Order, RememberedAnswer
from orders_app.pipeline import dispatch as pipeline
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.conftest import AddRule
from tests.contract.strict import listed
from tests.threads import at_once
from tests.world import CLOSED_HOURS, SCOPE, Shop, load_shop, order, tag

PING = {**SCOPE, "provider": "sms-service", "action_type": "ping", "payload": {"n": 1}}
PATH = "/v1/dispatch"


class ProcessDiedError(BaseException):
    """Nothing catches it on the way out: as when the process is killed."""


def send(client: Strict, body: Any, key: str = "key-1", *, path: str = PATH, **headers: str) -> Any:
    return client.send("POST", path, body=body, headers={"Idempotency-Key": key, **headers})


def once(client: Strict, body: Any, key: str = "key-1", **more: Any) -> Any:
    """The first answer, then the same again; answers it."""
    first, second = send(client, body, key, **more), send(client, body, key, **more)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers.get("X-Dedup-Reason") == first.headers.get("X-Dedup-Reason")
    return first


def test_the_first_answer_is_given_again_and_nothing_happens_twice(client: Strict) -> None:
    answer = once(client, order())
    assert tag(answer.json()) == "Executed"
    assert Order.objects.count() == Run.objects.count() == Action.objects.count() == 1
    assert AuditRecord.objects.count() == 1


def test_without_an_id_of_its_own_a_repeat_is_known_by_its_key(client: Strict, rule: AddRule) -> None:
    rule("allow")
    once(client, PING)
    assert Action.objects.count() == 1


def test_a_deduplicated_answer_keeps_its_reason(client: Strict) -> None:
    send(client, order(payload={"order_id": "a"}), "other")
    answer = once(client, order(payload={"order_id": "a"}))
    assert answer.json() == "Deduplicated"
    assert answer.headers["X-Dedup-Reason"] == "living_order"


def test_an_invalid_request_is_remembered_too(client: Strict) -> None:
    assert once(client, order(payload={"total_cents": "x"})).status_code == 422


def test_a_forbidden_one_too(shop: Shop) -> None:
    assert once(Strict(Shop(providers=["warehouse"]).secret), order()).status_code == 403


def test_a_batch_is_remembered_whole(client: Strict) -> None:
    answer = once(client, [order(), {"bad": 1}, order()], path="/v1/dispatch/batch")
    assert [next(iter(item)) for item in answer.json()] == ["Executed", "error", "Executed"]
    assert Order.objects.count() == 2


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (PATH, {"metadata": {"a": "b"}}),
        (PATH + "?x=1", {}),
        ("/v1/dispatch/batch", {}),
    ],
)
def test_the_same_key_for_another_request_is_refused(
    client: Strict, path: str, change: dict[str, Any]
) -> None:
    action = order()
    send(client, action)
    body: Any = {**action, **change}
    answer = send(client, [body] if "batch" in path else body, path=path)
    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_MISMATCH")
    assert Order.objects.count() == 1


def test_even_white_space_makes_another_request(client: Strict) -> None:
    import json

    text = json.dumps(order())
    for raw, status in ((text, 200), (text, 200), (text + " ", 422)):
        answer = client.send("POST", PATH, raw=raw.encode(), headers={"Idempotency-Key": "k"})
        assert answer.status_code == status


def test_keys_are_the_callers_own(client: Strict, shop: Shop) -> None:
    send(client, order(payload={"order_id": "a"}))
    other = send(Strict(Shop().secret), order(payload={"order_id": "b"}))
    assert other.status_code == 200
    assert "Idempotency-Replayed" not in other.headers


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\x01b", "a\u200bb"])
def test_a_key_that_is_none(client: Strict, key: str) -> None:
    answer = send(client, order(), key)
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "Idempotency-Key")
    assert not Order.objects.exists()


def test_a_key_of_255_characters_fits(client: Strict) -> None:
    once(client, order(), "x" * 255)


def test_a_dry_run_neither_stores_nor_reads(client: Strict) -> None:
    action = order()
    send(client, action, path=PATH + "?dry_run=true")
    assert not RememberedAnswer.objects.exists()
    send(client, action)
    answer = send(client, action, path=PATH + "?dry_run=true")
    assert list(answer.json()) == ["DryRun"]
    assert "Idempotency-Replayed" not in answer.headers
    batch = send(client, [action], path="/v1/dispatch/batch?dry_run=true")
    assert "Idempotency-Replayed" not in batch.headers


def test_after_a_day_the_key_is_new(client: Strict) -> None:
    send(client, order())
    RememberedAnswer.objects.update(expires_at=F("expires_at") - timedelta(hours=25))
    answer = send(client, order())
    assert tag(answer.json()) == "Executed"
    assert "Idempotency-Replayed" not in answer.headers


def test_stored_answers_are_encrypted_and_their_keys_hashed(client: Strict) -> None:
    send(client, order(payload={"order_id": "visible-order"}), "visible-key")
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, request_hash, body FROM orders_app_rememberedanswer")
        (row,) = cursor.fetchall()
    assert "visible" not in str([bytes(part) if isinstance(part, memoryview) else part for part in row])


# Never stored --------------------------------------------------------------------------------------------------


def fresh_each_time(client: Strict, body: Any, wanted: str) -> None:
    for _ in range(2):
        answer = send(client, body)
        assert tag(answer.json()) == wanted, answer.content
        assert "Idempotency-Replayed" not in answer.headers
    assert not RememberedAnswer.objects.exists()


def test_throttled_is_never_stored(client: Strict) -> None:
    for _ in range(10):
        client.send("POST", PATH, body=order())
    fresh_each_time(client, order(), "Throttled")


def test_quota_exceeded_is_never_stored(client: Strict, rule: AddRule) -> None:
    rule("allow")
    spec = {**SCOPE, "max_actions": 1, "window": "daily", "overage_behavior": "block"}
    client.post("/v1/quotas", shapes.QUOTA, spec, status=201)
    stamps.reset()
    client.send("POST", PATH, body=PING)
    fresh_each_time(client, PING, "QuotaExceeded")


def test_an_open_circuit_is_never_stored(client: Strict, rule: AddRule) -> None:
    rule("allow")
    breaker_trip(provider="sms-service", actor="test")
    fresh_each_time(client, PING, "CircuitOpen")


def test_a_retryable_failure_is_never_stored_but_a_final_one_is(
    client: Strict, rule: AddRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule("allow")
    once(client, {**PING, "provider": "nobody"}, "final")
    RememberedAnswer.objects.all().delete()
    from orders_app import outcomes

    monkeypatch.setattr(
        "orders_app.pipeline.dispatch._outcome",
        lambda *_: outcomes.failed("TIMEOUT", "no answer", retryable=True, attempts=3),
    )
    fresh_each_time(client, PING, "Failed")


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_errors_that_pass_are_never_stored(
    client: Strict, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    from acteon_site.base.errors import AppError

    def fail(*_: Any, **__: Any) -> None:
        raise AppError("not now", "SOME_CODE", status, headers={"Retry-After": "1"}, retryable=True)

    with monkeypatch.context() as patched:
        patched.setattr("orders_app.api.views_dispatch.dispatch_many", fail)
        assert (
            client.http.post(
                PATH, order(), format="json", headers={**client.headers, "Idempotency-Key": "key-1"}
            ).status_code
            == status
        )
    assert not RememberedAnswer.objects.exists()
    assert tag(send(client, order()).json()) == "Executed"


# Crashes -------------------------------------------------------------------------------------------------------


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


def crashed(client: Strict, body: Any, monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    """The transaction committed, and then the process died."""
    with monkeypatch.context() as patched:
        patched.setattr("orders_app.services.answers._finish", die)
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


# At once -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_one_does_it_and_the_rest_wait_or_repeat(transactional_db: None) -> None:
    load_shop()
    secret, action = Shop().secret, order()
    answers = at_once([partial(_send_one, secret, action) for _ in range(20)])
    statuses = Counter(status for status, _ in answers)
    assert set(statuses) <= {200, 409}
    assert statuses[200] >= 1
    assert len({body for status, body in answers if status == 200}) == 1
    assert Order.objects.count() == Action.objects.count() == 1
    status, body = _send_one(secret, action)
    assert (status, body) == next(answer for answer in answers if answer[0] == 200)
    assert threading.active_count() < 60


def _send_one(secret: str, action: dict[str, Any]) -> tuple[int, bytes]:
    answer = send(Strict(secret), action)
    return answer.status_code, answer.content
