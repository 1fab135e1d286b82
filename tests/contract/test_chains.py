"""/v1/chains: runs and definitions; /v1/incidents."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base import config_versions
from chains_app.models import CircuitBreaker, Run
from chains_app.services.advance import runs_sweep
from chains_app.services.breakers import breaker_trip
from chains_app.services.providers import provider_save
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.strict import Shape, anything, listed
from tests.world import SCOPE, Shop, order

MADE_UP = "01890000-0000-7000-8000-000000000000"
NODE = Shape({"name": anything, "steps": listed(anything)}, {}, {})


def started(client: Strict, **changes: Any) -> str:
    answer = client.post("/v1/dispatch", shapes.outcome, order(**changes))
    chain_id: str = answer["Executed"]["body"]["chain_id"]
    return chain_id


def parked(client: Strict) -> str:
    """A run whose charge step waits for a person: the breaker is open and the fallback holds it for review."""
    CircuitBreaker.objects.filter(provider="payment-gateway").update(fallback_provider="compliance-queue")
    chain_id = started(client)
    breaker_trip(provider="payment-gateway", actor="test")
    config_versions.reset()
    runs_sweep()
    return chain_id


def failing(client: Strict) -> str:
    """A run that fails at its first step."""
    spec = {"name": "fails", "steps": [{"name": "only", "provider": "broken", "action_type": "x"}]}
    provider_save(spec={"name": "broken", "type": "log"}, actor="test")
    client.put("/v1/chains/definitions/fails", shapes.DEFINITION, spec)
    from rules_app.models import Rule
    from tests.world import publish_rules

    Rule.objects.create(
        name="to-fails",
        priority=0,
        condition={"field": "action.action_type", "eq": "doom"},
        action={"type": "chain", "chain": "fails"},
    )
    publish_rules()
    config_versions.reset()
    body = {**SCOPE, "provider": "warehouse", "action_type": "doom", "payload": {}}
    answer = client.post("/v1/dispatch", shapes.outcome, body)
    from chains_app.models import Provider

    Provider.objects.filter(name="broken").delete()
    config_versions.touch(config_versions.PROVIDERS)
    config_versions.reset()
    runs_sweep()
    chain_id: str = answer["ChainStarted"]["chain_id"]
    return chain_id


# Runs ----------------------------------------------------------------------------------------------------------


def test_runs_are_listed_finished_ones_too(client: Strict) -> None:
    first, second = started(client), started(client)
    runs_sweep()
    found = client.get("/v1/chains", shapes.CHAINS, **SCOPE)
    assert {run["chain_id"] for run in found["chains"]} == {first, second}
    assert {run["status"] for run in found["chains"]} == {"completed"}
    assert client.get("/v1/chains", shapes.CHAINS, **SCOPE, status="running")["chains"] == []
    assert client.get("/v1/chains", shapes.CHAINS, **SCOPE, chain_name="order-processing")["count"] == 2
    assert client.get("/v1/chains", shapes.CHAINS, **SCOPE, chain_name="x")["count"] == 0
    client.refused("GET", "/v1/chains", 400, "BAD_QUERY", query={**SCOPE, "status": "lost"})


@pytest.mark.parametrize(
    "status",
    [
        "running",
        "completed",
        "failed",
        "cancelled",
        "timed_out",
        "waiting_sub_chain",
        "waiting_timer",
        "waiting_signal",
        "waiting_parallel",
    ],
)
def test_every_status_of_the_contract_is_a_filter(client: Strict, status: str) -> None:
    client.get("/v1/chains", shapes.CHAINS, **SCOPE, status=status)


def test_a_run_in_detail_before_and_after(client: Strict) -> None:
    chain_id = started(client)
    fresh = client.get(f"/v1/chains/{chain_id}", shapes.CHAIN)
    assert (fresh["status"], fresh["current_step"], fresh["total_steps"]) == ("running", 0, 5)
    assert [step["status"] for step in fresh["steps"]] == ["pending"] * 5
    assert [step["provider"] for step in fresh["steps"]][1] == ""
    runs_sweep()
    done = client.get(f"/v1/chains/{chain_id}", shapes.CHAIN, **SCOPE)
    assert done["status"] == "completed"
    assert done["execution_path"] == ["validate", "charge", "fulfill", "notify-customer"]
    assert done["steps"][0]["response_body"] == {"provider": "payment-gateway", "logged": True}
    assert done["definition_version"] == 1
    assert done["incident"] is None


@pytest.mark.parametrize("tail", ["", "/history", "/dag", "/timeline"])
@pytest.mark.parametrize("chain_id", [MADE_UP, "nonsense"])
def test_runs_that_are_none(client: Strict, chain_id: str, tail: str) -> None:
    client.refused("GET", f"/v1/chains/{chain_id}{tail}", 404, "NOT_FOUND")


def test_a_scope_in_the_query_must_match(client: Strict) -> None:
    chain_id = started(client)
    for tail in ("", "/history", "/dag", "/timeline"):
        client.refused("GET", f"/v1/chains/{chain_id}{tail}", 404, query={"tenant": "other"})


def test_the_history_has_finished_attempts(client: Strict) -> None:
    chain_id = started(client)
    runs_sweep()
    history = client.get(f"/v1/chains/{chain_id}/history", shapes.HISTORY)
    assert [(step["name"], step["step_index"]) for step in history["steps"]] == [
        ("validate", 0),
        ("charge", 2),
        ("fulfill", 3),
        ("notify-customer", 4),
    ]
    assert all(step["attempts"][0]["success"] for step in history["steps"])


def test_the_timeline_has_what_was_sent_and_answered_redacted(client: Strict) -> None:
    chain_id = started(client)
    runs_sweep()
    timeline = client.get(f"/v1/chains/{chain_id}/timeline", shapes.TIMELINE, **SCOPE)
    assert [entry["step"] for entry in timeline["entries"]] == [
        "validate",
        "charge",
        "fulfill",
        "notify-customer",
    ]
    charge = timeline["entries"][1]
    assert (charge["kind"], charge["idempotency_key"]) == ("call", f"{chain_id}:charge")
    assert charge["payload"]["card_last4"] == "[REDACTED]"
    assert charge["response_body"] == {"provider": "payment-gateway", "logged": True}
    assert client.get(f"/v1/chains/{chain_id}/timeline", shapes.TIMELINE, limit=1, offset=3)["count"] == 1
    client.refused("GET", f"/v1/chains/{chain_id}/timeline", 400, "BAD_QUERY", query={"limit": "0"})


def test_a_step_that_a_branch_went_round_is_skipped_once_the_run_is_completed(client: Strict) -> None:
    chain_id = started(client)

    def status() -> tuple[str, str]:
        steps = client.get(f"/v1/chains/{chain_id}", shapes.CHAIN)["steps"]
        nodes = client.get(f"/v1/chains/{chain_id}/dag", shapes.DAG)["nodes"]
        assert (steps[1]["name"], nodes[1]["name"]) == ("fraud-review-step", "fraud-review-step")
        assert {inner["status"] for inner in nodes[1]["children"]["nodes"]} == {nodes[1]["status"]}
        return steps[1]["status"], nodes[1]["status"]

    assert status() == ("pending", "pending")
    runs_sweep()
    assert status() == ("skipped", "skipped")


def test_the_dag_of_a_run_and_of_a_definition(client: Strict) -> None:
    chain_id = started(client)
    runs_sweep()
    dag = client.get(f"/v1/chains/{chain_id}/dag", shapes.DAG)
    assert (dag["chain_id"], dag["status"]) == (chain_id, "completed")
    taken = [(edge["source"], edge["target"]) for edge in dag["edges"] if edge["on_execution_path"]]
    assert taken == [("validate", "charge"), ("charge", "fulfill"), ("fulfill", "notify-customer")]
    plain = client.get("/v1/chains/definitions/order-processing/dag", shapes.DAG)
    assert not {"chain_id", "status"} & plain.keys()
    assert plain["nodes"][1]["node_type"] == "sub_chain"
    for nodes in (dag["nodes"], plain["nodes"]):
        assert [node["name"] for node in nodes[1]["children"]["nodes"]] == [
            "analyze",
            "flag-compliance",
            "notify-merchant",
        ]
    client.refused("GET", "/v1/chains/definitions/nobody/dag", 404, "NOT_FOUND")


def test_a_run_is_cancelled_with_reason_and_name(client: Strict) -> None:
    chain_id = started(client)
    body = {**SCOPE, "reason": "changed", "cancelled_by": "maria"}
    detail = client.post(f"/v1/chains/{chain_id}/cancel", shapes.CHAIN, body)
    assert (detail["status"], detail["cancel_reason"], detail["cancelled_by"]) == (
        "cancelled",
        "changed",
        "maria",
    )
    client.refused("POST", f"/v1/chains/{chain_id}/cancel", 409, body=SCOPE)


def test_cancels_of_nothing(client: Strict) -> None:
    chain_id = started(client)
    client.refused("POST", f"/v1/chains/{MADE_UP}/cancel", 404, "NOT_FOUND", body=SCOPE)
    client.refused("POST", f"/v1/chains/{chain_id}/cancel", 422, "VALIDATION", body={})
    client.refused("POST", f"/v1/chains/{chain_id}/cancel", 422, "VALIDATION", body={**SCOPE, "reason": 7})
    client.refused("POST", f"/v1/chains/{chain_id}/cancel", 404, body={**SCOPE, "tenant": "other"})


def test_a_failed_run_goes_on_at_its_failed_step(client: Strict) -> None:
    chain_id = failing(client)
    failed = client.get(f"/v1/chains/{chain_id}", shapes.CHAIN)
    assert failed["status"] == "failed"
    assert failed["error"]
    provider_save(spec={"name": "broken", "type": "log"}, actor="test")
    config_versions.reset()
    client.post(f"/v1/chains/{chain_id}/retry", shapes.CHAIN)
    runs_sweep()
    assert Run.objects.get(pk=chain_id).status == "completed"
    client.refused("POST", f"/v1/chains/{chain_id}/retry", 409)
    client.refused("POST", f"/v1/chains/{MADE_UP}/retry", 404, "NOT_FOUND")


# Incidents -----------------------------------------------------------------------------------------------------


def test_a_parked_run_shows_its_incident(client: Strict) -> None:
    chain_id = parked(client)
    detail = client.get(f"/v1/chains/{chain_id}", shapes.CHAIN)
    assert detail["status"] == "waiting_signal"
    (incident,) = client.get("/v1/incidents", shapes.INCIDENTS, **SCOPE)["incidents"]
    assert detail["incident"] == incident
    assert incident["chain_id"] == chain_id


@pytest.mark.parametrize(
    ("verb", "status"), [("retry", "running"), ("skip", "running"), ("cancel", "cancelled")]
)
def test_a_person_decides_of_an_incident(client: Strict, verb: str, status: str) -> None:
    parked(client)
    (incident,) = client.get("/v1/incidents", shapes.INCIDENTS, **SCOPE)["incidents"]
    told = client.post(f"/v1/incidents/{incident['id']}/{verb}", shapes.INCIDENT)
    assert told["resolved_at"]
    assert client.get("/v1/incidents", shapes.INCIDENTS, **SCOPE)["incidents"] == []
    client.refused("POST", f"/v1/incidents/{incident['id']}/{verb}", 404, "NOT_FOUND")
    client.refused("POST", f"/v1/incidents/{MADE_UP}/{verb}", 404, "NOT_FOUND")


def test_all_incidents_are_resumed_at_once(client: Strict) -> None:
    chain_id = parked(client)
    dry = client.call("POST", "/v1/incidents/resume", shapes.RESUMED, query={**SCOPE, "dry_run": "true"})
    assert (dry["dry_run"], dry["resumed"], dry["incidents"][0]["chain_id"]) == (True, 0, chain_id)
    none = client.call("POST", "/v1/incidents/resume", shapes.RESUMED, query={**SCOPE, "reason": "nothing"})
    assert (none["resumed"], none["incidents"]) == (0, [])
    done = client.call("POST", "/v1/incidents/resume", shapes.RESUMED, query=SCOPE)
    assert (done["dry_run"], done["resumed"], done["failed"]) == (False, 1, 0)
    assert client.get("/v1/incidents", shapes.INCIDENTS, **SCOPE)["incidents"] == []
    client.refused("POST", "/v1/incidents/resume", 400, "BAD_QUERY")


def test_dead_letters_are_counted_listed_and_drained(client: Strict) -> None:
    chain_id = failing(client)
    assert client.get("/v1/dlq/stats", shapes.DEAD_LETTER_STATS, **SCOPE)["count"] == 1
    (letter,) = client.get("/v1/dlq", shapes.DEAD_LETTERS, **SCOPE)["entries"]
    assert letter["chain_id"] == chain_id
    assert letter["timestamp"] == int(Run.objects.get().dead_lettered_at.timestamp())
    assert client.call("POST", "/v1/dlq/drain", shapes.DEAD_LETTERS, query=SCOPE)["count"] == 1
    assert client.get("/v1/dlq/stats", shapes.DEAD_LETTER_STATS)["count"] == 0
    assert client.call("POST", "/v1/dlq/drain", shapes.DEAD_LETTERS)["entries"] == []


def test_dead_letters_without_a_query_are_those_of_the_key(client: Strict, stranger: Strict) -> None:
    failing(client)
    drain = ("POST", "/v1/dlq/drain", shapes.DEAD_LETTERS)
    assert stranger.get("/v1/dlq/stats", shapes.DEAD_LETTER_STATS)["count"] == 0
    assert stranger.call(*drain)["entries"] == []
    assert client.call(*drain, query={"tenant": "other-store"})["entries"] == []
    (drained,) = Strict(Shop(tenants=["acme-store"]).secret).call(*drain)["entries"]
    assert isinstance(drained["timestamp"], int)
    assert client.get("/v1/dlq/stats", shapes.DEAD_LETTER_STATS)["count"] == 0


def waiting(client: Strict) -> str:
    """A run that waits for the signal `picked-up`."""
    step = {"name": "wait", "wait_for_signal": {"signal": "picked-up", "timeout_seconds": 60}}
    trigger = {"action_type": "place_order", **SCOPE}
    client.put("/v1/chains/definitions/waits", shapes.DEFINITION, {"steps": [step], "trigger": trigger})
    config_versions.reset()
    chain_id = started(client)
    runs_sweep()
    return chain_id


def test_a_signal_lets_a_waiting_run_go_on(client: Strict) -> None:
    chain_id = waiting(client)
    path = f"/v1/chains/{chain_id}/signal"
    assert client.get(f"/v1/chains/{chain_id}", shapes.CHAIN)["status"] == "waiting_signal"
    for body, field in (
        ({}, "signal"),
        ({"signal": ""}, "signal"),
        ({"signal": "x", "payload": 7}, "payload"),
    ):
        error = client.refused("POST", path, 422, "VALIDATION", body=body)
        assert error["details"][0]["field"] == field
    client.refused("POST", f"/v1/chains/{MADE_UP}/signal", 404, "NOT_FOUND", body={"signal": "picked-up"})
    client.post(path, shapes.CHAIN, {"signal": "picked-up", "payload": {"by": "warehouse"}})
    runs_sweep()
    detail = client.get(f"/v1/chains/{chain_id}", shapes.CHAIN)
    assert detail["status"] == "completed"
    client.refused("POST", path, 409, body={"signal": "picked-up"})
