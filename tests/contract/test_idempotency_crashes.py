"""Idempotency-Key where the process dies, or is slower than its lock, between the commit and the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from audit_app.models import AuditRecord
from chains_app.models import Run
from orders_app.models import Action, Order, RememberedAnswer
from orders_app.services import placing
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


def test_a_crash_before_the_commit_leaves_nothing_and_a_repeat_begins_at_once(
    client: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = order()
    with monkeypatch.context() as patched:
        patched.setattr(placing, "gate_and_act", die)
        with pytest.raises(ProcessDiedError):
            send(client, action)
    assert not RememberedAnswer.objects.exists()
    assert tag(send(client, action).json()) == "Executed"
    assert send(client, action).headers["Idempotency-Replayed"] == "true"
    assert Order.objects.count() == 1


def test_what_a_process_of_an_earlier_release_claimed_before_it_died_is_free_once_its_lock_is_over(
    client: Strict,
) -> None:
    action = order(payload={"order_id": "o-1"})
    send(client, action)
    Order.objects.update(living=False)
    RememberedAnswer.objects.update(status_code=None, body=None, kept=None)
    answer = send(client, action)
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")
    assert answer.json()["retryable"] is True
    time_passes()
    answer = send(client, action)
    assert answer.status_code == 200
    assert "Idempotency-Replayed" not in answer.headers
    assert send(client, action).headers["Idempotency-Replayed"] == "true"


def crashed(
    client: Strict,
    body: Any,
    monkeypatch: pytest.MonkeyPatch,
    *,
    before: str = "requests_finish",
    **more: Any,
) -> None:
    """The transaction committed, and then the process died."""
    with monkeypatch.context() as patched:
        patched.setattr(placing, before, die)
        with pytest.raises(ProcessDiedError):
            send(client, body, **more)


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


WANTED = {"bare": "Executed", "pending": "PendingApproval", "chain_started": "ChainStarted"}


@pytest.mark.parametrize("make", [executed, suppressed, chain_started, failed])
def test_an_answer_that_was_known_commits_with_the_order(
    client: Strict, rule: AddRule, monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    body = make(rule)
    crashed(client, body, monkeypatch)
    given_again(client, body, make)


@pytest.mark.parametrize("make", [bare, pending, rerouted])
def test_an_answer_that_waited_for_a_call_is_rebuilt_and_gates_nothing_again(
    client: Strict, rule: AddRule, monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    body = make(rule)
    crashed(client, body, monkeypatch, before="answers_finish")
    assert send(client, body).status_code == 409
    time_passes()
    given_again(client, body, make)


def given_again(client: Strict, body: Any, make: Any) -> None:
    before = [model.objects.count() for model in (Action, Order, AuditRecord, Run)]
    answer = send(client, body)
    assert tag(answer.json()) == WANTED.get(make.__name__, make.__name__.capitalize())
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert [model.objects.count() for model in (Action, Order, AuditRecord, Run)] == before
    assert send(client, body).content == answer.content


def test_the_answer_of_a_lost_request_is_the_one_that_it_would_have_had(
    client: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = order()
    crashed(client, action, monkeypatch)
    found = send(client, action).json()
    shapes.outcome(found)
    body = found["Executed"]["body"]
    shapes.CHAIN_BODY(body)
    assert body["chain_id"] == str(Run.objects.get().pk)
    assert body["order_id"] == action["payload"]["order_id"]


def test_scheduled_and_deduplicated_are_given_again(client: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    night = {"X-Demo-Now": CLOSED_HOURS}
    crashed(client, action := order(), monkeypatch, **night)
    assert tag(send(client, action, **night).json()) == "Scheduled"
    client.send("POST", PATH, body=order(payload={"order_id": "a"}))
    crashed(client, again := order(payload={"order_id": "a"}), monkeypatch, key="second")
    answer = send(client, again, "second")
    assert answer.json() == "Deduplicated"
    assert answer.headers["X-Dedup-Reason"] == "living_order"


@pytest.mark.parametrize("waits_for_a_call", [False, True])
def test_a_batch_comes_again_with_its_errors_in_their_places(
    client: Strict, rule: AddRule, monkeypatch: pytest.MonkeyPatch, waits_for_a_call: bool
) -> None:
    rule("allow")
    body = [{"bad": 1}, order(payload={"order_id": "a"}), order(payload={"order_id": "a"}), "worse", order()]
    wanted = ["error", "Executed", "Deduplicated", "error", "Executed"]
    if waits_for_a_call:
        body, wanted = [*body, {**PING, "id": "same"}], [*wanted, "Executed"]
    crashed(client, body, monkeypatch, path="/v1/dispatch/batch")
    if waits_for_a_call:
        assert send(client, body, path="/v1/dispatch/batch").status_code == 409
        time_passes()
    answer = send(client, body, path="/v1/dispatch/batch")
    items = answer.json()
    listed(shapes.batch_item)(items, "$")
    assert [next(iter(item)) for item in items] == wanted
    assert Order.objects.count() == 2


def test_an_error_after_the_commit_does_not_open_the_key_again(
    client: Strict, rule: AddRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    from acteon_site.base.errors import unavailable

    def fail(*_: Any) -> None:
        raise unavailable("the database went away")

    action = bare(rule)
    with monkeypatch.context() as patched:
        patched.setattr(placing, "outcomes_after_calls", fail)
        assert send(client, action).status_code == 503
    assert send(client, action).status_code == 409
    time_passes()
    assert tag(send(client, action).json()) == "Executed"
    assert Action.objects.count() == 1
