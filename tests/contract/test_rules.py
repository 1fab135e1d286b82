"""/v1/rules: list, switch, reload, evaluate with trace, coverage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acteon_site.base import config_versions
from rules_app.models import Rule, RuleSetVersion
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.conftest import AddRule
from tests.contract.strict import listed
from tests.world import OPEN_HOURS, SCOPE, Shop, load_files, order

QUESTION = {**SCOPE, "provider": "payment-gateway", "action_type": "place_order"}
PAYLOAD = {"order_id": "q", "total_cents": 7999, "shipping_country": "US"}


def test_the_list_is_a_bare_array_in_evaluation_order(client: Strict) -> None:
    rules = client.get("/v1/rules", listed(shapes.RULE))
    assert [rule["name"] for rule in rules] == [
        "deny-sanctioned-regions",
        "approve-high-value",
        "schedule-after-hours",
        "dedup-double-submit",
        "throttle-merchant-orders",
        "deny-unmatched",
    ]
    assert rules[0]["priority"] == 1


def test_a_switch_is_durable_and_outlasts_loads(client: Strict) -> None:
    path = "/v1/rules/deny-unmatched/enabled"
    for enabled, status in ((False, "disabled"), (True, "enabled"), (False, "disabled")):
        told = client.put(path, shapes.RULE_ENABLED, {"enabled": enabled})
        assert told == {"name": "deny-unmatched", "enabled": enabled, "status": status}
    load_files()
    assert Rule.objects.get(name="deny-unmatched").enabled is False


def test_switches_that_are_none(client: Strict) -> None:
    client.refused("PUT", "/v1/rules/nobody/enabled", 404, "NOT_FOUND", body={"enabled": True})
    for body in ({}, {"enabled": "true"}, {"enabled": 1}, {"enabled": None}):
        error = client.refused("PUT", "/v1/rules/deny-unmatched/enabled", 422, "VALIDATION", body=body)
        assert error["details"][0]["field"] == "enabled"


@pytest.mark.parametrize("body", [None, {}, {"directory": "rules"}])
def test_a_reload_counts_what_it_loaded(client: Strict, body: Any) -> None:
    told = client.post("/v1/rules/reload", shapes.RELOAD, body)
    assert told["reloaded"] == told["loaded"] == 6


@pytest.mark.parametrize("directory", ["/etc", "..", "../..", "nowhere", 7, "rules/../../.."])
def test_a_reload_stays_below_its_root(client: Strict, directory: Any) -> None:
    error = client.refused("POST", "/v1/rules/reload", 422, "VALIDATION", body={"directory": directory})
    assert error["details"][0]["field"] == "directory"


def test_a_bad_file_changes_nothing_and_is_named(client: Strict, settings: Any, tmp_path: Path) -> None:
    settings.RULES_ROOT = tmp_path
    (tmp_path / "good.yaml").write_text(
        "rules:\n  - name: good\n    condition: {field: action.provider, eq: x}\n    action: {type: deny}\n"
    )
    (tmp_path / "bad.yaml").write_text("rules:\n  - name: bad\n    prio: 1\n    action: {type: deny}\n")
    before = RuleSetVersion.objects.count()
    error = client.refused("POST", "/v1/rules/reload", 422, "VALIDATION", shape=shapes.LOADER_ERROR)
    (told,) = [problem for problem in error["details"] if problem["field"].endswith("prio")]
    assert (told["file"], told["line"]) == ("bad.yaml", 3)
    assert RuleSetVersion.objects.count() == before
    assert not Rule.objects.filter(name="good").exists()


def test_an_evaluation_traces_every_rule(client: Strict) -> None:
    body = {**QUESTION, "payload": PAYLOAD, "evaluate_at": OPEN_HOURS, "evaluate_all": True}
    told = client.post("/v1/rules/evaluate", shapes.EVALUATION, body)
    assert told["verdict"] == "allow"
    assert "matched_rule" not in told
    assert [seen["rule_name"] for seen in told["trace"]][:2] == [
        "deny-sanctioned-regions",
        "approve-high-value",
    ]
    assert told["context"]["effective_timezone"] == "US/Eastern"
    assert told["context"]["environment_keys"] == []


def test_an_evaluation_names_the_rule_that_decides(client: Strict) -> None:
    body = {**QUESTION, "payload": {**PAYLOAD, "shipping_country": "SY"}, "metadata": {"a": "b"}}
    told = client.post("/v1/rules/evaluate", shapes.EVALUATION, {**body, "mock_state": {"x": 1}})
    assert (told["verdict"], told["matched_rule"]) == ("deny", "deny-sanctioned-regions")


def test_an_evaluation_shows_what_modify_makes(client: Strict, rule: AddRule) -> None:
    rule("modify", on="place_order", changes={"vip": True})
    body = {**QUESTION, "payload": PAYLOAD, "evaluate_at": OPEN_HOURS}
    told = client.post("/v1/rules/evaluate", shapes.EVALUATION, body)
    assert told["modified_payload"]["vip"] is True


def test_disabled_rules_are_evaluated_on_request(client: Strict) -> None:
    client.put("/v1/rules/deny-sanctioned-regions/enabled", shapes.RULE_ENABLED, {"enabled": False})
    config_versions.reset()
    body = {**QUESTION, "payload": {**PAYLOAD, "shipping_country": "SY"}, "evaluate_at": OPEN_HOURS}
    assert client.post("/v1/rules/evaluate", shapes.EVALUATION, body)["verdict"] != "deny"
    told = client.post("/v1/rules/evaluate", shapes.EVALUATION, {**body, "include_disabled": True})
    assert told["verdict"] == "deny"
    assert told["trace"][0]["enabled"] is False


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"provider": None}, "provider"),
        ({"action_type": ""}, "action_type"),
        ({"payload": None}, "payload"),
        ({"payload": []}, "payload"),
        ({"metadata": 7}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"labels": {"a": None}}}, "metadata.labels.a"),
        ({"metadata": {"a": "b", "labels": {"c": 1}}}, "metadata.labels.c"),
        ({"mock_state": []}, "mock_state"),
        ({"evaluate_all": "yes"}, "evaluate_all"),
        ({"include_disabled": 1}, "include_disabled"),
        ({"evaluate_at": "2026-01-01T00:00:00"}, "evaluate_at"),
        ({"namespace": None}, "namespace"),
    ],
)
def test_an_evaluation_names_its_bad_fields(client: Strict, change: dict[str, Any], field: str) -> None:
    body = {**QUESTION, "payload": PAYLOAD, **change}
    error = client.refused("POST", "/v1/rules/evaluate", 422, "VALIDATION", body=body)
    assert [problem["field"] for problem in error["details"]] == [field]


@pytest.mark.parametrize(
    ("payload", "verdict", "refused"),
    [
        ({"shipping_country": " sy"}, "deny", "payload.total_cents is required (a whole number)"),
        (
            {**PAYLOAD, "total_cents": "7999"},
            "allow",
            "payload.total_cents must be a whole number without quotes",
        ),
        ({**PAYLOAD, "order_id": ""}, "allow", "payload.order_id must have 1 to 256 characters, has 0"),
        ({}, "allow", "payload.shipping_country is required (text)"),
    ],
)
def test_any_payload_is_judged_and_what_a_dispatch_would_refuse_is_told(
    client: Strict, payload: dict[str, Any], verdict: str, refused: str
) -> None:
    body = {**QUESTION, "payload": payload, "evaluate_at": OPEN_HOURS}
    told = client.post("/v1/rules/evaluate", shapes.EVALUATION, body)
    assert (told["verdict"], told["has_errors"]) == (verdict, True)
    first, *rules = told["trace"]
    assert (first["result"], first["source"]) == ("error", "lifecycle")
    assert refused in first["error"]
    assert len(rules) == told["total_rules_evaluated"] + told["total_rules_skipped"]
    dispatch = {**QUESTION, "payload": payload}
    message = client.refused("POST", "/v1/dispatch", 422, body=dispatch)["message"]
    assert message in first["error"]


def test_a_viewer_may_evaluate(shop: Shop) -> None:
    body = {**QUESTION, "payload": PAYLOAD}
    Strict(Shop(role="viewer").secret).post("/v1/rules/evaluate", shapes.EVALUATION, body)


def test_coverage_counts_what_rules_saw(client: Strict, shop: Shop) -> None:
    client.post("/v1/dispatch", shapes.outcome, order())
    client.post("/v1/dispatch", shapes.outcome, order(payload={"shipping_country": "SY"}))
    told = client.get("/v1/rules/coverage", shapes.COVERAGE, **SCOPE)
    assert (told["total_actions"], told["unique_combinations"], told["rules_loaded"]) == (2, 1, 6)
    (entry,) = told["entries"]
    assert entry["total"] == entry["covered"] + entry["uncovered"] == 2
    assert "deny-sanctioned-regions" in entry["matched_rules"]
    assert "approve-high-value" in told["unmatched_rules"]


def test_coverage_of_nothing(client: Strict) -> None:
    told = client.get(
        "/v1/rules/coverage", shapes.COVERAGE, namespace="x", tenant="y", from_=OPEN_HOURS, to=OPEN_HOURS
    )
    assert told["entries"] == []
    assert told["scanned_from"] == told["scanned_to"]


@pytest.mark.parametrize(
    "query",
    [{"from": "today"}, {"to": "2026-01-01"}, {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}],
)
def test_coverage_wants_a_span(client: Strict, query: dict[str, str]) -> None:
    client.refused("GET", "/v1/rules/coverage", 400, "BAD_QUERY", query=query)
