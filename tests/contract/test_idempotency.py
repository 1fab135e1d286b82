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

from acteon_site.base import config_versions
from audit_app.models import AuditRecord
from chains_app.models import Run
from chains_app.services.breakers import breaker_trip
from orders_app.models import Action, Order, RememberedAnswer
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.conftest import AddRule
from tests.contract.repeating import PATH, PING, send
from tests.threads import at_once
from tests.world import SCOPE, Shop, load_shop, order, tag


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


@pytest.mark.parametrize(
    "wrong",
    [
        order(payload={"order_id": "o-1", "total_cents": "x"}),
        order(payload={"order_id": ""}),
        order(template="nobody's"),
        {"not": "an action"},
    ],
)
def test_a_refused_request_leaves_its_key_to_the_corrected_one(client: Strict, wrong: dict[str, Any]) -> None:
    for _ in range(2):
        refused = send(client, wrong)
        assert refused.status_code == 422
        assert "Idempotency-Replayed" not in refused.headers
    assert not RememberedAnswer.objects.exists()
    assert tag(once(client, order(payload={"order_id": "o-1"})).json()) == "Executed"
    assert Order.objects.count() == 1


def test_a_forbidden_one_too(shop: Shop) -> None:
    assert send(Strict(Shop(providers=["warehouse"]).secret), order()).status_code == 403
    assert not RememberedAnswer.objects.exists()


def test_a_batch_of_which_nothing_began_leaves_its_key_too(client: Strict) -> None:
    path = "/v1/dispatch/batch"
    assert "error" in send(client, [{"bad": 1}, order(payload={"total_cents": "x"})], path=path).json()[0]
    assert not RememberedAnswer.objects.exists()
    assert tag(once(client, [order(), order()], path=path).json()[0]) == "Executed"
    assert once(client, [], "empty", path=path).json() == []


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
    config_versions.reset()
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
    from orders_app.contract import outcomes

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
        patched.setattr("orders_app.services.placing.gate_and_act", fail)
        assert (
            client.http.post(
                PATH, order(), format="json", headers={**client.headers, "Idempotency-Key": "key-1"}
            ).status_code
            == status
        )
    assert not RememberedAnswer.objects.exists()
    assert tag(send(client, order()).json()) == "Executed"


# At once -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_one_does_it_and_the_rest_wait_or_repeat(transactional_db: None) -> None:
    load_shop()
    secret, action = Shop().secret, order()
    send(Strict(secret), {})  # all code is loaded, as a web process has it before its first request
    threads = threading.active_count()
    answers = at_once([partial(_send_one, secret, action) for _ in range(20)])
    statuses = Counter(status for status, _ in answers)
    assert set(statuses) <= {200, 409}
    assert statuses[200] >= 1
    assert len({body for status, body in answers if status == 200}) == 1
    assert Order.objects.count() == Action.objects.count() == 1
    status, body = _send_one(secret, action)
    assert (status, body) == next(answer for answer in answers if answer[0] == 200)
    assert threading.active_count() < threads + 20  # those that place orders stay; each request has none


def _send_one(secret: str, action: dict[str, Any]) -> tuple[int, bytes]:
    answer = send(Strict(secret), action)
    return answer.status_code, answer.content
