"""Calls of unknown outcome: asked again only where that is harmless, else left to a person, who is believed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from chains_app.models import CircuitBreaker, Incident, Provider, Run, StepRun
from chains_app.services.advance import runs_sweep
from chains_app.services.leases import lease_take
from chains_app.services.providers import provider_save
from chains_app.services.step_calls import make_call
from orders_app.models import Order
from tests.chains_app.gateway import (
    GONE,
    Gateway,
    breaker,
    charging,
    decide,
    detail,
    incident,
    placed,
    receivers,
    settle,
    start,
    status,
    step,
    undoable,
    webhook,
    with_fallback,
)
from tests.chains_app.turning import run_turn
from tests.world import SCOPE, Shop, tag


@pytest.mark.parametrize("refusal", [401, 404, 409, 422])
def test_a_refusal_on_the_way_proves_nothing_about_the_call_before(
    shop: Shop,
    gateway: Gateway,
    refusal: int,
) -> None:
    charging(gateway)
    gateway.script["charge_card"] = [GONE, *[refusal] * 9]
    run = placed(shop, payload={"order_id": "one"})
    settle()
    assert (incident().reason, incident().step) == ("unknown_outcome", "charge")
    assert Order.objects.get().living
    assert tag(shop.place(payload={"order_id": "one"})) == "Deduplicated"
    assert gateway.keys("charge_card") == {f"{run.pk}:charge"}


def test_a_refusal_of_the_very_key_settles_it(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    gateway.script["charge_card"] = [GONE, 402]
    placed(shop, payload={"order_id": "one"})
    settle()
    assert not Incident.objects.exists()
    assert (Order.objects.get().status, Order.objects.get().living) == ("failed", False)


def test_a_provider_that_is_switched_off_in_doubt_settles_nothing(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_charge"] = [GONE]
    start(shop, undoable("charge", retry={"max_retries": 3}))
    runs_sweep()
    Provider.objects.filter(name="peer").update(enabled=False)
    config_versions.reset()
    settle()
    assert incident().reason == "unknown_outcome"


def test_a_fallback_that_gave_no_answer_is_the_one_that_is_asked(shop: Shop, gateway: Gateway) -> None:
    with_fallback(gateway)
    run = start(shop, undoable("charge", on_fallback="accept"))
    breaker("open")
    gateway.script["do_charge"] = [GONE]
    runs_sweep()
    breaker("closed")
    settle()
    assert receivers(gateway) == ["second", "second"]
    assert status(run) == "completed"


def test_a_worker_that_dies_in_a_call_to_the_fallback_leaves_it_to_be_asked(
    shop: Shop, gateway: Gateway
) -> None:
    with_fallback(gateway)
    run = start(shop, undoable("charge", on_fallback="accept"))
    breaker("open")
    lease = lease_take(run.pk)
    assert lease is not None
    call = run_turn(lease)
    assert call is not None
    make_call(call)
    breaker("closed")
    Run.objects.update(lease_until=F("lease_until") - timedelta(hours=1))
    settle(3)
    assert receivers(gateway) == ["second", "second"]


def test_what_a_fallback_did_is_not_undone_at_a_provider_that_did_not_do_it(
    shop: Shop, gateway: Gateway
) -> None:
    with_fallback(gateway)
    webhook(gateway, "other")
    gateway.script["do_b"] = [400]
    start(shop, undoable("charge", on_fallback="accept"), {**step("b"), "provider": "other"})
    breaker("open")
    settle(3)
    assert (incident().reason, incident().step) == ("compensation_failed", "charge")
    assert "second did charge in place of peer" in incident().message
    assert not gateway.calls("undo_charge")


def test_a_persons_retry_asks_the_same_provider_with_the_same_key(shop: Shop, gateway: Gateway) -> None:
    with_fallback(gateway)
    run = start(shop, undoable("charge", on_fallback="accept", on_unknown="park"))
    gateway.script["do_charge"] = [GONE]
    settle()
    breaker("open")
    assert shop.post(f"/v1/incidents/resume?namespace={SCOPE['namespace']}&tenant={SCOPE['tenant']}").json()[
        "resumed"
    ]
    runs_sweep()
    assert receivers(gateway) == ["hook"]  # it waits for the probe; nobody stands in
    breaker("closed")
    settle()
    assert receivers(gateway) == ["hook", "hook"]
    assert gateway.keys("do_charge") == {f"{run.pk}:charge"}
    assert status(run) == "completed"


def test_outside_the_window_of_its_key_a_call_is_repeated_on_a_persons_word_only(
    shop: Shop, gateway: Gateway
) -> None:
    run = start(shop, undoable("charge", on_unknown="park"))
    gateway.script["do_charge"] = [GONE]
    settle()
    StepRun.objects.update(first_called_at=F("first_called_at") - timedelta(days=30))
    refused = decide(shop, "retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "OUTCOME_UNKNOWN")
    query = f"namespace={SCOPE['namespace']}&tenant={SCOPE['tenant']}"
    told = shop.post(f"/v1/incidents/resume?{query}").json()
    assert (told["resumed"], told["failed"]) == (0, 1)
    assert len(gateway.calls("do_charge")) == 1
    assert decide(shop, "retry", outcome="perhaps").status_code == 422
    assert decide(shop, "retry", outcome="not_done").status_code == 200
    settle()
    assert (status(run), len(gateway.calls("do_charge"))) == ("completed", 2)


def test_a_refund_in_doubt_is_not_repeated_outside_the_window_of_its_key(
    shop: Shop, gateway: Gateway
) -> None:
    gateway.script["do_b"] = [400]
    gateway.script["undo_a"] = [GONE]
    start(shop, undoable("a"), step("b"))
    runs_sweep()
    StepRun.objects.filter(name="a").update(undo_called_at=F("undo_called_at") - timedelta(days=30))
    settle()
    assert (incident().reason, incident().step) == ("unknown_outcome", "a")
    assert len(gateway.calls("undo_a")) == 1
    assert decide(shop, "retry").json()["code"] == "OUTCOME_UNKNOWN"
    assert decide(shop, "retry", outcome="not_done").status_code == 200
    settle()
    assert len(gateway.calls("undo_a")) == 2
    assert gateway.keys("undo_a") == {f"{Run.objects.get().pk}:a:compensate"}


def test_a_refund_that_nobody_may_repeat_is_settled_by_a_person(shop: Shop, gateway: Gateway) -> None:
    provider_save(spec={"name": "clerk", "type": "email", "to": "clerk@shop.example"}, actor="test")
    config_versions.reset()
    gateway.script["do_b"] = [400]
    by_mail = {"provider": "clerk", "action_type": "refund"}
    run = start(shop, step("a", compensate=by_mail), step("b"))
    runs_sweep()
    StepRun.objects.filter(name="a").update(undo="running", undo_unknown=False)
    Run.objects.update(
        phase="undoing", status="running", ended_at=None, next_run_at=db_now(), ending="failed"
    )
    runs_sweep()
    assert incident().reason == "unknown_outcome"
    assert decide(shop, "retry").json()["code"] == "OUTCOME_UNKNOWN"
    assert decide(shop, "cancel").json()["code"] == "UNDOING"
    assert decide(shop, "skip").status_code == 200
    settle(2)
    assert status(run) == "failed"
    assert StepRun.objects.get(name="a").undo == "done"


@pytest.mark.parametrize(("found", "refunds"), [("", 1), ("done", 1), ("not_done", 0)])
def test_a_skipped_charge_counts_as_what_the_person_says_of_it(
    shop: Shop,
    gateway: Gateway,
    found: str,
    refunds: int,
) -> None:
    gateway.script = {"do_charge": [GONE], "do_ship": [400]}
    run = start(shop, undoable("charge", on_unknown="park"), step("ship"))
    settle()
    assert decide(shop, "skip", **({"outcome": found} if found else {})).status_code == 200
    settle()
    assert status(run) == "failed"
    assert len(gateway.calls("undo_charge")) == refunds
    told = {row["outcome"]: row["outcome_details"] for row in shop.audit() if "by" in row["outcome_details"]}
    assert set(told) == {"chain_step_completed" if refunds else "chain_step_skipped"}


def test_an_answer_that_no_database_takes_whole_is_an_answer(shop: Shop, gateway: Gateway) -> None:
    """Half a character, as providers cut texts, and NUL: the effect stands, and must be recorded."""
    gateway.bodies["do_a"] = {"note": "cut \ud83d", "nul\x00": "a\x00b"}
    run = start(shop, step("a"))
    settle(2)
    assert status(run) == "completed"
    assert len(gateway.calls("do_a")) == 1
    assert detail(shop, run)["steps"][0]["response_body"] == {"note": "cut ?", "nul": "ab"}


def test_a_refund_that_was_not_made_and_is_left_out_keeps_its_order(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    CircuitBreaker.objects.all().delete()
    config_versions.reset()
    gateway.script = {"ship_order": [400], "refund_card": [GONE] * 20}
    placed(shop, payload={"order_id": "one"})
    settle(20)
    assert (incident().reason, incident().step) == ("unknown_outcome", "charge")
    assert decide(shop, "skip", outcome="not_done").status_code == 200
    settle(2)
    assert (Order.objects.get().status, Order.objects.get().living) == ("failed", True)
    assert tag(shop.place(payload={"order_id": "one"})) == "Deduplicated"
