"""Runs that stopped go on with their whole time, and those that were cancelled end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from chains_app.models import Attempt, CircuitBreaker, Incident, Run, StepRun
from chains_app.services.advance import runs_sweep
from chains_app.services.definitions import chain_save
from chains_app.services.leases import lease_take
from chains_app.services.providers import breaker_save, provider_save
from chains_app.services.resuming import run_skip_step
from chains_app.services.step_calls import make_call
from orders_app.models import Order
from tests.chains_app.gateway import (
    GONE,
    Gateway,
    charging,
    decide,
    detail,
    incident,
    out_of_time,
    placed,
    settle,
    start,
    status,
    step,
    undoable,
    webhook,
)
from tests.chains_app.peer import respond
from tests.chains_app.turning import run_turn
from tests.world import SCOPE, Shop, tag


def test_a_charge_parked_at_its_deadline_is_asked_with_time_anew(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    gateway.script["charge_card"] = [GONE] * 3
    run = placed(shop, payload={"order_id": "one"})
    runs_sweep()
    out_of_time(run)
    runs_sweep()
    before = len(gateway.calls("charge_card"))
    gateway.script.clear()
    assert decide(shop, "retry").status_code == 200
    settle()
    assert len(gateway.calls("charge_card")) == before + 1
    assert gateway.keys("charge_card") == {f"{run.pk}:charge"}
    assert Order.objects.get().status == "completed"


def test_a_run_that_timed_out_is_resumed_with_its_whole_time(shop: Shop, gateway: Gateway) -> None:
    slow = {"max_retries": 100, "backoff_ms": 600_000, "strategy": "fixed"}
    gateway.script["do_b"] = [503]
    run = start(shop, step("a"), step("b", retry=slow), timeout_seconds=600)
    runs_sweep()
    out_of_time(run)
    runs_sweep()
    assert status(run) == "timed_out"
    assert shop.post(f"/v1/chains/{run.pk}/retry").status_code == 200
    run.refresh_from_db()
    assert run.expires_at is not None
    assert run.expires_at > db_now() + timedelta(seconds=590)
    runs_sweep()
    assert status(run) == "completed"


def test_past_the_point_of_no_return_a_late_run_is_resumed_too(shop: Shop, gateway: Gateway) -> None:
    slow = {"max_retries": 100, "backoff_ms": 600_000, "strategy": "fixed"}
    gateway.script["do_b"] = [503]
    run = start(shop, step("a", point_of_no_return=True), step("b", retry=slow), timeout_seconds=600)
    runs_sweep()
    out_of_time(run)
    runs_sweep()
    assert incident().reason == "past_point_of_no_return"
    assert decide(shop, "retry").status_code == 200
    runs_sweep()
    assert status(run) == "completed"


def test_a_late_branch_is_resumed_too(shop: Shop, gateway: Gateway) -> None:
    slow = {"max_retries": 50, "backoff_ms": 600_000, "strategy": "fixed"}
    gateway.script["do_x"] = [503]
    group = {"timeout_seconds": 60, "steps": [step("x", retry=slow), step("y")]}
    run = start(shop, {"name": "p", "parallel": group}, step("z"))
    settle(2)
    for branch in Run.objects.filter(parent=run, ended_at=None):
        out_of_time(branch)
    settle(3)
    assert status(run) == "failed"
    assert shop.post(f"/v1/chains/{run.pk}/retry").status_code == 200
    settle(3)
    assert status(run) == "completed"
    assert len(gateway.calls("do_y")) == 1  # what was done is kept


def test_a_step_has_a_time_of_its_own(shop: Shop, gateway: Gateway) -> None:
    slow = {"max_retries": 50, "backoff_ms": 40_000, "strategy": "fixed"}
    gateway.script["do_a"] = [503] * 9
    run = start(shop, step("a", retry=slow, timeout_seconds=60))
    for _ in range(3):
        runs_sweep()
        StepRun.objects.update(timed_from=F("timed_from") - timedelta(seconds=40), retry_at=db_now())
        Run.objects.filter(pk=run.pk, next_run_at__isnull=False).update(next_run_at=db_now())
    assert status(run) == "failed"
    # The second attempt still fits, the third would not.
    assert len(gateway.calls("do_a")) == 2


def test_a_parent_has_the_time_back_that_its_child_was_parked(shop: Shop, gateway: Gateway) -> None:
    chain_save(spec={"name": "below", "steps": [step("x", on_unknown="park")]}, actor="test")
    gateway.script["do_x"] = [GONE]
    run = start(shop, undoable("a"), {"name": "sub", "sub_chain": "below"}, step("z"), timeout_seconds=3600)
    settle(2)
    day = timedelta(days=1)
    Run.objects.update(expires_at=F("expires_at") - day)
    Run.objects.filter(waits_since__isnull=False).update(waits_since=F("waits_since") - day)
    assert decide(shop, "retry").status_code == 200
    settle()
    assert status(run) == "completed"
    assert not gateway.calls("undo_a")


def test_a_parent_has_the_time_back_in_which_nobody_worked(shop: Shop, gateway: Gateway) -> None:
    chain_save(spec={"name": "below", "steps": [step("x")]}, actor="test")
    run = start(shop, step("a"), {"name": "sub", "sub_chain": "below"}, step("z"), timeout_seconds=120)
    lease = lease_take(run.pk)
    assert lease is not None
    call = run_turn(lease)
    while call is not None:
        call = run_turn(lease, call, make_call(call))
    gap = timedelta(minutes=10)
    Run.objects.update(expires_at=F("expires_at") - gap)
    due = Run.objects.filter(next_run_at__isnull=False)
    due.update(next_run_at=F("next_run_at") - gap, updated_at=F("updated_at") - gap)
    for _ in range(4):
        runs_sweep()
    assert status(run) == "completed"


def test_cancelling_over_the_last_step_cancels(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_b"] = [GONE]
    run = start(shop, undoable("a"), step("b", on_unknown="park"))
    settle()
    assert decide(shop, "cancel").status_code == 200
    settle()
    assert status(run) == "cancelled"
    assert len(gateway.calls("undo_a")) == 1
    assert not Incident.objects.filter(resolved_at=None).exists()


def test_a_cancel_during_the_last_call_is_heard(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, undoable("a"))
    lease = lease_take(run.pk)
    assert lease is not None
    call = run_turn(lease)
    assert call is not None
    assert shop.post(f"/v1/chains/{run.pk}/cancel", SCOPE).status_code == 200
    while call is not None:
        call = run_turn(lease, call, make_call(call))
    assert status(run) == "cancelled"
    assert len(gateway.calls("undo_a")) == 1


def test_a_run_that_parks_after_it_was_cancelled_can_be_cancelled_once_more(
    shop: Shop, gateway: Gateway
) -> None:
    run = start(shop, undoable("a"), step("b", on_unknown="park"), step("c"))
    lease = lease_take(run.pk)
    assert lease is not None
    first = run_turn(lease)
    assert first is not None
    second = run_turn(lease, first, make_call(first))
    assert second is not None
    gateway.script["do_b"] = [GONE]
    shop.post(f"/v1/chains/{run.pk}/cancel", SCOPE)
    run_turn(lease, second, make_call(second))
    assert incident().reason == "unknown_outcome"
    assert decide(shop, "cancel").json()["resolution"] == "cancelled"
    settle()
    assert status(run) == "cancelled"
    assert not gateway.calls("do_c")


def test_an_incident_ends_with_its_run_and_nobody_resumes_that(shop: Shop, gateway: Gateway) -> None:
    webhook(gateway, "third")
    provider_save(spec={"name": "clerk", "type": "log"}, actor="test")
    breaker_save(spec={"provider": "third", "fallback_provider": "clerk"}, actor="test")
    config_versions.reset()
    chain_save(spec={"name": "below", "steps": [{**undoable("charge"), "provider": "third"}]}, actor="test")
    run = start(shop, undoable("a"), {"name": "sub", "sub_chain": "below"}, step("z"))
    CircuitBreaker.objects.filter(provider="third").update(state="open", opened_at=db_now())
    settle(2)
    waiting = incident()
    assert waiting.reason == "fallback_review"
    shop.post(f"/v1/chains/{run.pk}/cancel", SCOPE)
    settle(4)
    waiting.refresh_from_db()
    assert (status(run), waiting.resolution) == ("cancelled", "cancelled")
    assert shop.post(f"/v1/incidents/{waiting.pk}/retry").status_code == 404
    assert shop.post(f"/v1/chains/{waiting.run_id}/retry").status_code == 409


def test_a_word_on_an_incident_that_is_over_is_refused(shop: Shop, gateway: Gateway) -> None:
    gateway.script = {"do_a": [GONE], "do_b": [GONE]}
    run = start(shop, step("a", on_unknown="park"), step("b", on_unknown="park"), step("c"))
    settle(2)
    seen = incident()
    run_skip_step(run_id=run.pk, actor="one", incident=seen.pk)
    settle(2)
    assert incident().step == "b"
    with pytest.raises(Exception, match="does not wait over this any more"):
        run_skip_step(run_id=run.pk, actor="two", incident=seen.pk)
    assert detail(shop, run)["steps"][1]["status"] == "pending"


def test_a_resumed_order_has_its_dedup_key_back(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    gateway.script["validate_order"] = [400]
    run = placed(shop, payload={"order_id": "one"}, dedup_key="k1")
    settle(2)
    assert not Order.objects.get().living
    assert shop.post(f"/v1/chains/{run.pk}/retry").status_code == 200
    assert shop.place(payload={"order_id": "two"}, dedup_key="k1") == "Deduplicated"


def test_an_order_whose_dedup_key_another_has_is_not_resumed(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    gateway.script["validate_order"] = [400]
    run = placed(shop, payload={"order_id": "one"}, dedup_key="k1")
    settle(2)
    assert tag(shop.place(payload={"order_id": "two"}, dedup_key="k1")) == "Executed"
    refused = shop.post(f"/v1/chains/{run.pk}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "PLACED_ANEW")


def test_a_bare_call_in_doubt_is_a_dead_letter_that_can_be_replayed(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    webhook(gateway, "payment-gateway", timeout_seconds=1)
    spec = {"namespace": SCOPE["namespace"], "tenant": SCOPE["tenant"]}
    action = {**spec, "provider": "warehouse", "action_type": "count_stock", "payload": {}, "id": "bare"}
    gateway.script["count_stock"] = [GONE] * 9
    shop.post("/v1/dispatch", action)
    settle()
    run = Run.objects.get(kind="single")
    assert (run.status, run.dead_lettered_at is not None) == ("failed", True)
    assert shop.scoped("/v1/dlq/stats")["count"] == 1
    gateway.script.clear()
    assert shop.post(f"/v1/chains/{run.pk}/retry").status_code == 200
    settle(2)
    assert status(run) == "completed"
    assert gateway.keys("count_stock") == {f"{run.pk}:call"}


def test_retry_after_is_honoured_by_the_run(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, step("a", retry={"max_retries": 2, "backoff_ms": 10}))
    gateway.peer.reply = lambda handler: respond(handler, 429, b"{}", {"Retry-After": "120"})
    runs_sweep()
    run.refresh_from_db()
    assert run.next_run_at is not None
    assert 115 < (run.next_run_at - db_now()).total_seconds() <= 120
    assert Attempt.objects.count() == 1


def test_a_compensation_knows_the_answers_up_to_its_own_step(shop: Shop, gateway: Gateway) -> None:
    gateway.bodies = {"do_a": {"id": "of a"}, "do_b": {"id": "of b"}}
    gateway.script["do_c"] = [400]
    template = {"own": "{{prev.body.id}}", "named": "{{steps.a.body.id}}"}
    undo = {"provider": "peer", "action_type": "undo_a", "payload_template": template}
    run = start(shop, step("a", compensate=undo), step("b"), step("c"))
    settle(2)
    assert status(run) == "failed"
    assert gateway.calls("undo_a")[0]["payload"] == {"own": "of a", "named": "of a"}


def test_past_the_point_of_no_return_of_a_run_below_nothing_is_cancelled(
    shop: Shop, gateway: Gateway
) -> None:
    chain_save(
        spec={
            "name": "below",
            "steps": [step("ship", point_of_no_return=True), step("x", on_unknown="park")],
        },
        actor="test",
    )
    gateway.script["do_x"] = [GONE]
    run = start(shop, {"name": "sub", "sub_chain": "below"}, step("z"))
    settle(2)
    refused = shop.post(f"/v1/chains/{run.pk}/cancel", SCOPE)
    assert (refused.status_code, refused.json()["code"]) == (409, "POINT_OF_NO_RETURN")
    assert decide(shop, "retry").status_code == 200
    settle()
    assert status(run) == "completed"


def test_an_order_is_not_resumed_while_another_waits_with_its_dedup_key(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    gateway.script["validate_order"] = [400]
    run = placed(shop, payload={"order_id": "one"}, dedup_key="k1")
    settle(2)
    held = shop.place(payload={"order_id": "two", "total_cents": 60_000}, dedup_key="k1")
    assert tag(held) == "PendingApproval"
    refused = shop.post(f"/v1/chains/{run.pk}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "PLACED_ANEW")
