"""Templates that refer to what is not there: nothing is sent, and the trail says what was missing."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base import config_versions
from audit_app.models import AuditRecord
from chains_app.models import Attempt, ChainVersion, Run, StepRun
from chains_app.services.advance import runs_sweep
from chains_app.services.definitions import chain_save
from tests.chains_app.gateway import (
    CHAIN,
    GONE,
    Gateway,
    decide,
    detail,
    incident,
    settle,
    start,
    status,
    step,
)
from tests.world import Shop, order

CHARGE = {"charge": "{{steps.charge.body.id}}"}


def charge(**template: Any) -> dict[str, Any]:
    undo = {"provider": "peer", "action_type": "refund", "payload_template": template or CHARGE}
    return step("charge", compensate=undo)


@pytest.mark.parametrize("answer", [{}, {"id": None}, [], "done"])
def test_a_step_fails_before_its_call_where_an_answer_is_not_there(
    shop: Shop, gateway: Gateway, answer: Any
) -> None:
    gateway.bodies["do_charge"] = answer
    run = start(shop, step("charge"), step("capture", payload_template=CHARGE, retry={"max_retries": 5}))
    settle(3)
    assert [call["action_type"] for call in gateway.calls()] == ["do_charge"]
    found = detail(shop, run)
    assert (found["status"], found["execution_path"]) == ("failed", ["charge", "capture"])
    row = StepRun.objects.get(run=run, name="capture")
    assert (row.status, row.error_code, row.attempt) == ("failed", "CONFIGURATION", 0)
    assert row.error.startswith("nothing stands at steps.charge.body.id, and nothing was sent")
    assert not Attempt.objects.filter(step=row).exists()
    trail = AuditRecord.objects.get(chain_id=run.pk, outcome="chain_step_failed")
    assert trail.outcome_details["error"]["code"] == "CONFIGURATION"


@pytest.mark.parametrize("answer", [{}, {"id": None}])
def test_a_refund_without_its_charge_is_an_incident(shop: Shop, gateway: Gateway, answer: Any) -> None:
    gateway.bodies["do_charge"] = answer
    gateway.script["do_ship"] = [400]
    run = start(shop, charge(), step("ship"))
    settle(3)
    assert gateway.calls("refund") == []
    assert (incident().reason, incident().step) == ("compensation_failed", "charge")
    assert "steps.charge.body.id" in incident().message
    assert Run.objects.get(pk=run.pk).ended_at is None
    assert decide(shop, "retry").status_code == 200
    settle(2)
    assert (gateway.calls("refund"), incident().reason) == ([], "compensation_failed")
    assert decide(shop, "skip").status_code == 200
    settle(2)
    assert status(run) == "failed"


def test_a_default_is_sent_in_place_of_what_is_missing(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_ship"] = [400]
    run = start(shop, charge(charge="{{steps.charge.body.id | default('by order')}}"), step("ship"))
    settle(3)
    assert status(run) == "failed"
    assert gateway.calls("refund")[0]["payload"] == {"charge": "by order"}


def test_what_was_done_is_undone_when_a_later_reference_is_missing(shop: Shop, gateway: Gateway) -> None:
    gateway.bodies["do_charge"] = {"id": "ch_1"}
    address = {"to": "{{origin.payload.address.street}}"}
    run = start(shop, charge(), step("ship", payload_template=address))
    settle(3)
    assert status(run) == "failed"
    assert [call["action_type"] for call in gateway.calls()] == ["do_charge", "refund"]
    assert gateway.calls("refund")[0]["payload"] == {"charge": "ch_1"}


def test_a_step_that_may_fail_is_skipped(shop: Shop, gateway: Gateway) -> None:
    nobody = {"to": "{{origin.payload.nobody}}"}
    run = start(shop, step("tell", payload_template=nobody, on_failure="skip"), step("ship"))
    settle(2)
    assert status(run) == "completed"
    assert [call["action_type"] for call in gateway.calls()] == ["do_ship"]
    assert StepRun.objects.get(run=run, name="tell").status == "skipped"


def test_there_is_no_last_answer_before_the_first(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, step("a", payload_template={"x": "{{prev.body}}"}))
    settle(2)
    assert (status(run), gateway.calls()) == ("failed", [])


def test_a_branch_without_its_reference_fails_its_group(shop: Shop, gateway: Gateway) -> None:
    branch = step("x", payload_template={"id": "{{origin.payload.nowhere}}"})
    run = start(shop, {"name": "both", "parallel": {"steps": [branch, step("y")]}})
    settle(3)
    assert status(run) == "failed"
    assert gateway.calls("do_x") == []


def test_a_timer_says_what_it_lacks(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, {"name": "wait", "timer": {"until": "{{origin.payload.ship_at}}"}})
    settle(2)
    row = StepRun.objects.get(run=run, name="wait")
    assert (row.status, row.error_code) == ("failed", "CONFIGURATION")
    assert "origin.payload.ship_at" in row.error


def test_a_call_in_doubt_that_cannot_be_repeated_waits_for_a_person(shop: Shop, gateway: Gateway) -> None:
    """A run of the release before: it has sent null and heard nothing."""
    gateway.script["do_charge"] = [GONE]
    run = start(shop, step("charge", payload_template={"note": "{{origin.payload.note | default(null)}}"}))
    runs_sweep()
    spec = {**CHAIN, "steps": [step("charge", payload_template={"note": "{{origin.payload.note}}"})]}
    chain_save(spec=spec, actor="test")
    config_versions.reset()
    Run.objects.filter(pk=run.pk).update(version=ChainVersion.objects.latest("created_at"))
    settle(2)
    assert (incident().reason, incident().step) == ("unknown_outcome", "charge")
    assert "origin.payload.note" in incident().message
    assert len(gateway.calls()) == 1


def test_an_order_that_leaves_out_what_is_optional_runs_as_before(shop: Shop) -> None:
    action = order()
    required = ("order_id", "total_cents", "shipping_country")
    action["payload"] = {name: action["payload"][name] for name in required}
    run = Run.objects.get(pk=shop.dispatch(action).json()["Executed"]["body"]["chain_id"])
    settle(2)
    assert status(run) == "completed"
    confirmation = StepRun.objects.get(run=run, name="notify-customer")
    assert (confirmation.status, confirmation.error_code) == ("skipped", "CONFIGURATION")
