"""Orders through their chain, against a provider that answers over real HTTP as each test tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from chains_app.models import Attempt, CircuitBreaker, Incident, Run
from chains_app.services.advance import runs_sweep
from chains_app.services.leases import lease_take
from chains_app.services.providers import provider_save
from chains_app.services.step_calls import make_call
from orders_app.models import Order
from rules_app.models import Rule
from tests.chains_app.gateway import Gateway, detail, placed, settle
from tests.chains_app.peer import peer_running
from tests.chains_app.turning import run_turn
from tests.world import SCOPE, Shop, load_shop, order, publish_rules, tag


@pytest.fixture
def shop(db: None) -> Shop:
    load_shop()
    return Shop()


@pytest.fixture
def gateway(shop: Shop, settings: Any) -> Iterator[Gateway]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as peer:
        for name in ("payment-gateway", "warehouse", "email-service"):
            spec = {"name": name, "type": "webhook", "url": peer.url, "envelope": True, "timeout_seconds": 1}
            provider_save(spec=spec, actor="test")
        config_versions.reset()
        yield Gateway(peer)


def test_each_step_gets_its_rendered_payload_and_its_own_stable_key(shop: Shop, gateway: Gateway) -> None:
    run = placed(shop)
    settle()
    assert [call["action_type"] for call in gateway.calls()] == [
        "validate_order",
        "charge_card",
        "ship_order",
        "order_confirmation",
    ]
    shipped = gateway.calls("ship_order")[0]["payload"]
    assert shipped["items"] == [{"sku": "A-1", "qty": 2}]
    assert gateway.keys("charge_card") == {f"{run.pk}:charge"}
    assert Order.objects.get().status == "completed"


def test_without_a_branch_match_the_fraud_review_runs_and_the_order_goes_on_at_charge(
    shop: Shop, gateway: Gateway
) -> None:
    gateway.bodies["validate_order"] = {"logged": False}
    run = placed(shop)
    settle()
    found = detail(shop, run)
    assert found["execution_path"] == [
        "validate",
        "fraud-review-step",
        "charge",
        "fulfill",
        "notify-customer",
    ]
    assert found["status"] == "completed"
    child = shop.get(f"/v1/chains/{found['child_chain_ids'][0]}").json()
    assert child["chain_name"] == "fraud-review"
    assert child["parent_chain_id"] == str(run.pk)
    assert child["execution_path"] == ["analyze", "flag-compliance", "notify-merchant"]


def test_a_failed_shipment_refunds_the_charge_and_the_order_may_be_placed_anew(
    shop: Shop, gateway: Gateway
) -> None:
    gateway.script["ship_order"] = [422] * 9
    changes: dict[str, Any] = {"dedup_key": "k", "payload": {"order_id": "one"}}
    run = placed(shop, **changes)
    settle()
    run.refresh_from_db()
    assert run.status == "failed"
    assert gateway.keys("refund_card") == {f"{run.pk}:charge:compensate"}
    first = Order.objects.get()
    assert (first.status, first.living) == ("failed", False)
    gateway.script.clear()
    assert tag(shop.place(**changes)) == "Executed"
    settle()
    assert Order.objects.filter(status="completed").count() == 1
    assert shop.post(f"/v1/chains/{run.pk}/retry", SCOPE).status_code == 409


def test_a_mail_that_fails_is_skipped(shop: Shop, gateway: Gateway) -> None:
    gateway.script["order_confirmation"] = [400]
    run = placed(shop)
    settle()
    found = detail(shop, run)
    assert found["status"] == "completed"
    assert found["steps"][-1]["status"] == "skipped"


def test_an_answer_that_never_came_is_asked_for_again_with_the_same_key(shop: Shop, gateway: Gateway) -> None:
    gateway.script["charge_card"] = [0, 0]
    run = placed(shop)
    settle()
    run.refresh_from_db()
    assert run.status == "completed"
    assert len(gateway.calls("charge_card")) == 3
    assert gateway.keys("charge_card") == {f"{run.pk}:charge"}


def test_a_worker_that_died_during_a_call_is_followed_by_one_that_repeats_it(
    shop: Shop, gateway: Gateway
) -> None:
    run = placed(shop)
    lease = lease_take(run.pk)
    assert lease is not None
    started = run_turn(lease)
    assert started is not None  # validate is recorded as started; the worker dies here
    assert not gateway.calls()
    runs_sweep()
    assert not gateway.calls()  # the lease still holds
    Run.objects.update(lease_until=F("lease_until") - timedelta(hours=1))
    settle()
    run.refresh_from_db()
    assert run.status == "completed"
    assert [attempt.success for attempt in Attempt.objects.filter(step__name="validate")] == [None, True]


def test_a_result_that_comes_after_the_lease_was_lost_is_not_written(shop: Shop, gateway: Gateway) -> None:
    run = placed(shop)
    lease = lease_take(run.pk)
    assert lease is not None
    outgoing = run_turn(lease)
    Run.objects.update(lease_until=F("lease_until") - timedelta(hours=1))
    other = lease_take(run.pk)
    assert other is not None
    assert outgoing is not None
    assert run_turn(lease, outgoing, make_call(outgoing)) is None
    run.refresh_from_db()
    assert run.lease_token == other.token


def test_an_open_breaker_sends_the_charge_to_review_where_it_parks(shop: Shop, gateway: Gateway) -> None:
    run = placed(shop)
    gateway.script["charge_card"] = [503] * 20
    settle(3)
    run.refresh_from_db()
    found = detail(shop, run)
    assert found["status"] == "waiting_signal", found
    assert Incident.objects.get(resolved_at=None).reason == "fallback_review"
    assert len(gateway.calls("charge_card")) == 2
    assert not gateway.calls("ship_order")
    assert Order.objects.get().status == "processing"


def test_a_parked_charge_is_retried_by_a_person_and_ships(shop: Shop, gateway: Gateway) -> None:
    CircuitBreaker.objects.filter(provider="payment-gateway").update(state="open", opened_at=db_now())
    run = placed(shop)
    settle()
    incident = shop.scoped("/v1/incidents")["incidents"][0]
    assert incident["step"] == "validate"
    CircuitBreaker.objects.update(state="closed", opened_at=None)
    assert shop.post(f"/v1/incidents/{incident['id']}/retry").status_code == 200
    settle()
    run.refresh_from_db()
    assert run.status == "completed"
    assert shop.scoped("/v1/incidents")["count"] == 0


def test_cancelling_a_running_order_undoes_what_was_done(shop: Shop, gateway: Gateway) -> None:
    run = placed(shop, payload={"order_id": "one"})
    gateway.script["ship_order"] = [503] * 3
    runs_sweep()
    answer = shop.post("/v1/orders/one/cancel", {**SCOPE, "reason": "changed my mind"})
    assert answer.status_code == 200, answer.content
    settle()
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert len(gateway.calls("refund_card")) == 1
    assert Order.objects.get().status == "cancelled"


def test_past_the_point_of_no_return_an_order_is_not_cancelled(shop: Shop, gateway: Gateway) -> None:
    placed(shop, payload={"order_id": "one"})
    settle()
    assert shop.post("/v1/orders/one/cancel", SCOPE).status_code == 409


def test_the_trail_tells_each_step_and_never_a_card(shop: Shop, gateway: Gateway) -> None:
    gateway.bodies["charge_card"] = {
        "logged": True,
        "echo": "4111 1111 1111 1111",
        "card_number": "4111111111111111",
    }
    run = placed(shop)
    settle()
    rows = shop.audit(chain_id=str(run.pk))
    assert [row["outcome"] for row in reversed(rows)] == [
        "executed",
        *["chain_step_completed"] * 4,
        "chain_completed",
    ]
    for shown in (json.dumps(rows), json.dumps(detail(shop, run))):
        assert "4111 1111" not in shown
        assert "4111111111111111" not in shown


def test_a_bare_call_that_fails_says_why_and_how_often(shop: Shop, gateway: Gateway) -> None:
    Rule.objects.filter(name="deny-unmatched").update(enabled=False)
    publish_rules()
    gateway.script["ping"] = [400]
    outcome = shop.dispatch(order(action_type="ping")).json()
    assert outcome["Failed"]["code"] == "EXECUTION_FAILED"
    assert outcome["Failed"]["attempts"] == 1
    assert outcome["Failed"]["retryable"] is False
    ok = shop.dispatch(order(action_type="ping")).json()
    assert ok["Executed"]["body"] == {"logged": True}
