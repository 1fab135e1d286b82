"""Timers, signals, parallel branches, and undoing what runs below a run have done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from acteon_site.base import config_versions
from chains_app.definitions.step_kinds.registry import STEP_KINDS
from chains_app.engine.kinds.registry import KINDS
from chains_app.models import Incident, Run
from chains_app.services.advance import runs_sweep
from chains_app.services.definitions import chain_save, chains_save
from orders_app.models import Order
from tests.chains_app.gateway import CHAIN, Gateway, detail, settle, start, status, step, undoable
from tests.world import SCOPE, Shop, order


def test_every_kind_that_a_definition_may_have_is_one_that_the_machine_knows() -> None:
    assert set(KINDS) == set(STEP_KINDS)


def let_pass(run: Run, **span: float) -> None:
    run.refresh_from_db()
    assert run.next_run_at is not None
    Run.objects.filter(pk=run.pk).update(next_run_at=run.next_run_at - timedelta(**span))
    for row in run.steps.filter(retry_at__isnull=False):
        assert row.retry_at is not None
        row.retry_at -= timedelta(**span)
        row.save(update_fields=["retry_at"])
    runs_sweep()


def test_a_timer_waits_for_months_and_then_the_chain_goes_on(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, step("a"), {"name": "wait", "timer": {"seconds": 86_400 * 60}}, step("b"))
    runs_sweep()
    assert status(run) == "waiting_timer"
    let_pass(run, days=59)
    assert status(run) == "waiting_timer"
    let_pass(run, days=2)
    assert status(run) == "completed"
    assert [call["action_type"] for call in gateway.calls()] == ["do_a", "do_b"]


def test_a_timer_until_an_instant_of_the_payload_and_one_that_is_none(shop: Shop, gateway: Gateway) -> None:
    steps = [{"name": "wait", "timer": {"until": "{{origin.payload.ship_at}}"}}, step("b")]
    chain_save(spec={**CHAIN, "steps": steps}, actor="test")
    config_versions.reset()
    for ship_at, ends in (("2020-01-01T00:00:00Z", "completed"), ("tomorrow", "failed")):
        action = order(action_type="special_order", payload={"ship_at": ship_at})
        chain_id = shop.dispatch(action).json()["Executed"]["body"]["chain_id"]
        runs_sweep()
        assert Run.objects.get(pk=chain_id).status == ends


def test_a_signal_wakes_its_run_with_its_payload(shop: Shop, gateway: Gateway) -> None:
    template = {"by": "{{steps.ask.body.by}}"}
    run = start(
        shop, {"name": "ask", "wait_for_signal": {"signal": "go"}}, step("b", payload_template=template)
    )
    runs_sweep()
    assert status(run) == "waiting_signal"
    assert shop.post(f"/v1/chains/{run.pk}/signal", {"signal": "other"}).status_code == 200
    runs_sweep()
    assert status(run) == "waiting_signal"
    assert (
        shop.post(f"/v1/chains/{run.pk}/signal", {"signal": "go", "payload": {"by": "ada"}}).status_code
        == 200
    )
    runs_sweep()
    assert status(run) == "completed"
    assert gateway.calls("do_b")[0]["payload"] == {"by": "ada"}
    assert shop.post(f"/v1/chains/{run.pk}/signal", {"signal": "go"}).status_code == 409


def test_a_signal_that_comes_early_is_kept_and_each_is_taken_once(shop: Shop, gateway: Gateway) -> None:
    waits = [{"name": name, "wait_for_signal": {"signal": "go"}} for name in ("one", "two")]
    run = start(shop, *waits)
    shop.post(f"/v1/chains/{run.pk}/signal", {"signal": "go"})
    runs_sweep()
    assert status(run) == "waiting_signal"
    shop.post(f"/v1/chains/{run.pk}/signal", {"signal": "go"})
    runs_sweep()
    assert status(run) == "completed"


@pytest.mark.parametrize(
    ("more", "ends", "calls"),
    [
        ({}, "failed", []),
        ({"on_failure": "skip"}, "completed", ["do_b", "do_late"]),
        (
            {"branches": [{"field": "success", "operator": "eq", "value": False, "target": "late"}]},
            "completed",
            ["do_late"],
        ),
    ],
)
def test_a_signal_that_never_comes_takes_the_timeouts_way(
    shop: Shop, gateway: Gateway, more: dict[str, Any], ends: str, calls: list[str]
) -> None:
    wait = {"name": "ask", "wait_for_signal": {"signal": "go", "timeout_seconds": 3600}, **more}
    run = start(shop, wait, step("b"), step("late"))
    runs_sweep()
    let_pass(run, hours=2)
    assert status(run) == ends
    assert [call["action_type"] for call in gateway.calls()] == calls


def group(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "both", "parallel": {"steps": list(steps), **more}}


def test_parallel_branches_all_run_and_their_answers_come_together(shop: Shop, gateway: Gateway) -> None:
    gateway.bodies = {"do_x": {"n": 1}, "do_y": {"n": 2}}
    after = step("z", payload_template={"x": "{{steps.both.body.x.n}}", "y": "{{steps.both.body.y.n}}"})
    run = start(
        shop, step("a"), group(step("x"), step("y", payload_template={"a": "{{steps.a.body}}"})), after
    )
    settle()
    assert status(run) == "completed", detail(shop, run)
    assert gateway.calls("do_z")[0]["payload"] == {"x": 1, "y": 2}
    assert gateway.calls("do_y")[0]["payload"] == {"a": {"logged": True}}
    assert shop.scoped("/v1/chains", chain_name="special")["count"] == 1
    nodes = {node["name"]: node for node in shop.get(f"/v1/chains/{run.pk}/dag").json()["nodes"]}
    assert [inner["name"] for inner in nodes["both"]["parallel_children"]] == ["x", "y"]
    assert nodes["both"]["parallel_join"] == "all"


def test_one_failed_branch_fails_the_step_and_what_the_others_did_is_undone(
    shop: Shop, gateway: Gateway
) -> None:
    gateway.script["do_y"] = [400]
    run = start(shop, undoable("a"), group(undoable("x"), step("y")))
    settle()
    assert status(run) == "failed"
    undone = [call["action_type"] for call in gateway.calls() if call["action_type"].startswith("undo")]
    assert undone == ["undo_x", "undo_a"]


def test_best_effort_keeps_what_worked_and_any_takes_the_first(shop: Shop, gateway: Gateway) -> None:
    gateway.script = {"do_y": [400], "do_p": [400]}
    best = group(step("x"), step("y"), on_failure="best_effort")
    first = {"name": "first", "parallel": {"steps": [step("p"), step("q")], "join": "any"}}
    run = start(shop, best, first)
    settle()
    assert status(run) == "completed", detail(shop, run)
    bodies = {item["name"]: item["response_body"] for item in detail(shop, run)["steps"]}
    assert bodies["both"]["x"] == {"logged": True}
    assert "error" in bodies["both"]["y"]


def test_no_more_branches_run_at_once_than_allowed(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, group(step("x"), step("y"), step("z"), max_concurrency=1))
    runs_sweep()
    assert len(gateway.calls()) <= 2
    settle()
    assert status(run) == "completed"
    assert [call["action_type"] for call in gateway.calls()] == ["do_x", "do_y", "do_z"]


def test_what_a_sub_chain_did_is_undone_with_its_parent(shop: Shop, gateway: Gateway) -> None:
    chains_save(
        specs=[
            {"name": "inner", "steps": [undoable("pay")]},
            {**CHAIN, "steps": [{"name": "sub", "sub_chain": "inner"}, step("ship")]},
        ],
        actor="test",
    )
    config_versions.reset()
    gateway.script["do_ship"] = [400]
    outcome = shop.dispatch(order(action_type="special_order")).json()
    run = Run.objects.get(pk=outcome["Executed"]["body"]["chain_id"])
    settle()
    assert status(run) == "failed", detail(shop, run)
    child = Run.objects.get(parent=run)
    assert child.status == "cancelled"
    assert gateway.keys("undo_pay") == {f"{child.pk}:pay:compensate"}


def test_cancelling_a_run_stops_what_runs_below_it_and_tells(shop: Shop, gateway: Gateway) -> None:
    chains_save(
        specs=[
            {
                "name": "inner",
                "timeout_seconds": 3600,
                "steps": [undoable("pay"), {"name": "w", "wait_for_signal": {"signal": "go"}}],
            },
            {
                **CHAIN,
                "on_cancel": {"provider": "peer", "action_type": "was_cancelled"},
                "steps": [{"name": "sub", "sub_chain": "inner"}],
            },
        ],
        actor="test",
    )
    config_versions.reset()
    outcome = shop.dispatch(order(action_type="special_order")).json()
    run = Run.objects.get(pk=outcome["Executed"]["body"]["chain_id"])
    settle()
    answer = shop.post(f"/v1/chains/{run.pk}/cancel", {**SCOPE, "reason": "no longer wanted"})
    assert answer.status_code == 200
    settle()
    assert status(run) == "cancelled"
    assert len(gateway.calls("undo_pay")) == 1
    assert gateway.calls("was_cancelled")[0]["payload"]["reason"] == "no longer wanted"


def test_a_failed_run_is_a_dead_letter_until_it_is_resumed_or_drained(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_b"] = [400]
    run = start(shop, step("a"), step("b"))
    settle()
    assert shop.scoped("/v1/dlq/stats")["count"] == 1
    assert shop.post(f"/v1/chains/{run.pk}/retry").status_code == 200
    settle()
    assert status(run) == "completed"
    assert len(gateway.calls("do_a")) == 1  # earlier results are kept
    assert shop.scoped("/v1/dlq/stats")["count"] == 0
    gateway.script["do_b"] = [400]
    start(shop, step("a"), step("b"))
    settle()
    drained = shop.client.post("/v1/dlq/drain?namespace=ecommerce&tenant=acme-store").json()
    assert [entry["step"] for entry in drained["entries"]] == ["b"]
    assert shop.scoped("/v1/dlq/stats")["count"] == 0


def test_a_resumed_run_goes_on_below_with_the_same_keys(shop: Shop, gateway: Gateway) -> None:
    chains_save(
        specs=[
            {"name": "inner", "steps": [step("pay"), step("tell")]},
            {**CHAIN, "steps": [{"name": "sub", "sub_chain": "inner"}]},
        ],
        actor="test",
    )
    config_versions.reset()
    gateway.script["do_tell"] = [400]
    outcome = shop.dispatch(order(action_type="special_order")).json()
    run = Run.objects.get(pk=outcome["Executed"]["body"]["chain_id"])
    settle()
    assert status(run) == "failed"
    assert shop.post(f"/v1/chains/{run.pk}/retry").status_code == 200
    settle()
    assert status(run) == "completed"
    assert len(gateway.keys("do_tell")) == 1
    assert len(gateway.calls("do_pay")) == 1


def test_parked_runs_are_resumed_together_after_a_look(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_a"] = [0] * 12
    runs = [start(shop, step("a", on_unknown="park")) for _ in range(2)]
    settle()
    assert Incident.objects.filter(resolved_at=None, reason="unknown_outcome").count() == 2
    path = "/v1/incidents/resume?namespace=ecommerce&tenant=acme-store&reason=unknown_outcome"
    look = shop.client.post(f"{path}&dry_run=true").json()
    assert (look["dry_run"], len(look["incidents"])) == (True, 2)
    gateway.script.clear()
    assert shop.client.post(path).json()["resumed"] == 2
    settle()
    assert {status(run) for run in runs} == {"completed"}
    assert not Order.objects.exists()
