"""/v1/rules: the list, the switch, evaluation with its trace, coverage."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from audit_app.models import AuditRecord
from rules_app.models import Rule, RuleSetVersion
from rules_app.services import evaluation
from rules_app.services.rule_sets import rule_enable, rule_set_publish
from tests.rules_app.conftest import Caller, add_rule, rules_now
from tests.rules_app.shop import GUIDE, OFFICE_HOURS, PLACES_ORDER

pytestmark = pytest.mark.django_db
ORDER: dict[str, Any] = {
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "provider": "payment-gateway",
    "action_type": "place_order",
    "payload": {"total_cents": 9900, "shipping_country": "US"},
    "evaluate_at": OFFICE_HOURS.isoformat(),
}


def other_tenants_rule() -> None:
    add_rule(
        name="secret-rule",
        tenant="other-store",
        namespace="ecommerce",
        priority=2,
        condition=PLACES_ORDER,
        action={"type": "deny"},
    )
    rule_set_publish(cause="test", actor="loader")
    config_versions.expire()


def test_the_list_is_a_bare_array_in_evaluation_order_with_the_disabled_ones(
    guide: int, caller: Caller
) -> None:
    rule_enable(name="deny-unmatched", enabled=False, actor="ann")
    answer = caller("viewer").get("/v1/rules")
    assert answer.status_code == 200
    rules = answer.json()
    assert [rule["name"] for rule in rules] == [spec["name"] for spec in GUIDE]
    assert rules[0] == {
        "name": "deny-sanctioned-regions",
        "priority": 1,
        "enabled": True,
        "description": "Block orders from sanctioned regions",
    }
    assert rules[-1]["enabled"] is False


def test_the_list_is_empty_and_not_null_without_rules(caller: Caller) -> None:
    assert caller("viewer").get("/v1/rules").json() == []


def test_nobody_reads_rules_without_a_key(client: Any) -> None:
    answer = client.get("/v1/rules")
    assert answer.status_code == 401
    assert answer.json()["code"] == "UNAUTHENTICATED"


def test_a_tenants_key_sees_shared_rules_and_its_own_and_no_others(guide: int, caller: Caller) -> None:
    other_tenants_rule()
    mine = caller("viewer", tenants=["acme-store"]).get("/v1/rules").json()
    theirs = caller("viewer", tenants=["other-store"]).get("/v1/rules").json()
    assert len(mine) == 6
    assert len(theirs) == 7


def test_a_rule_is_switched_for_the_next_decision_of_every_process(guide: int, caller: Caller) -> None:
    answer = caller().put("/v1/rules/deny-unmatched/enabled", {"enabled": False}, format="json")
    assert answer.status_code == 200
    assert answer.json() == {"name": "deny-unmatched", "enabled": False, "status": "disabled"}
    assert "deny-unmatched" not in [rule.name for rule in rules_now().rules]
    assert Rule.objects.get(name="deny-unmatched").enabled_by == "key:admin-1"
    answer = caller().put("/v1/rules/deny-unmatched/enabled", {"enabled": True}, format="json")
    assert answer.json()["status"] == "enabled"


@pytest.mark.parametrize("body", [{}, {"enabled": "yes"}, {"enabled": None}])
def test_a_switch_without_a_boolean_is_refused(guide: int, caller: Caller, body: dict[str, Any]) -> None:
    answer = caller().put("/v1/rules/deny-unmatched/enabled", body, format="json")
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "enabled"


def test_switching_what_is_not_there_answers_404(guide: int, caller: Caller) -> None:
    answer = caller().put("/v1/rules/nobody/enabled", {"enabled": False}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_switching_takes_an_administrator_whose_scope_is_everything(guide: int, caller: Caller) -> None:
    other_tenants_rule()
    path = "/v1/rules/{}/enabled"
    tenant_admin = caller("admin", tenants=["acme-store"])
    body = {"enabled": False}
    assert caller("operator").put(path.format("deny-unmatched"), body, format="json").status_code == 403
    assert tenant_admin.put(path.format("deny-unmatched"), body, format="json").status_code == 403
    assert tenant_admin.put(path.format("secret-rule"), body, format="json").status_code == 404
    assert not Rule.objects.filter(enabled=False).exists()
    own = caller("admin", namespaces=["ecommerce"], tenants=["other-store"])
    assert own.put(path.format("secret-rule"), body, format="json").status_code == 200


def evaluate(caller: Caller, **changes: Any) -> dict[str, Any]:
    answer = caller("viewer").post("/v1/rules/evaluate", ORDER | changes, format="json")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def test_an_evaluation_tells_the_verdict_and_every_rules_part_in_it(guide: int, caller: Caller) -> None:
    found = evaluate(caller, payload={"shipping_country": "NK"})
    assert (found["verdict"], found["matched_rule"]) == ("deny", "deny-sanctioned-regions")
    assert (found["has_errors"], found["total_rules_evaluated"], found["total_rules_skipped"]) == (
        False,
        1,
        5,
    )
    first, second = found["trace"][:2]
    assert first == {
        "rule_name": "deny-sanctioned-regions",
        "priority": 1,
        "enabled": True,
        "condition_display": 'action.action_type == "place_order" and '
        'action.payload.shipping_country in ["NK", "SY", "IR"]',
        "result": "matched",
        "evaluation_duration_us": first["evaluation_duration_us"],
        "action": "deny",
        "source": "admin",
        "description": "Block orders from sanctioned regions",
    }
    assert (second["result"], second["skip_reason"]) == ("skipped", "a rule above has decided")
    assert found["context"]["time"]["hour"] == 15
    assert found["context"]["effective_timezone"] == "UTC"


def test_an_allowed_order_names_no_rule_and_lists_its_gates(guide: int, caller: Caller) -> None:
    found = evaluate(caller)
    assert found["verdict"] == "allow"
    assert "matched_rule" not in found
    assert "modified_payload" not in found
    assert found["gates"] == ["dedup-double-submit", "throttle-merchant-orders"]


def test_a_missing_field_is_told(guide: int, caller: Caller) -> None:
    trace = evaluate(caller, payload={"total_cents": "60000"}, evaluate_all=True)["trace"]
    assert trace[1]["notes"] == ["action.payload.total_cents is text, not a number, so gte is false"]


def test_all_rules_can_be_evaluated_and_disabled_ones_tried(guide: int, caller: Caller) -> None:
    rule_enable(name="deny-sanctioned-regions", enabled=False, actor="ann")
    payload = {"shipping_country": "NK", "total_cents": 1}
    plain = evaluate(caller, payload=payload)
    assert plain["verdict"] == "allow"
    assert plain["trace"][0]["skip_reason"] == "disabled"
    tried = evaluate(caller, payload=payload, include_disabled=True, evaluate_all=True)
    assert tried["verdict"] == "deny"
    assert tried["trace"][0]["enabled"] is False
    assert [seen["result"] for seen in tried["trace"]].count("skipped") == 0


def test_a_modified_payload_is_shown(guide: int, caller: Caller) -> None:
    changes = {"priority": "high"}
    add_rule(name="mark", priority=0, condition=PLACES_ORDER, action={"type": "modify", "changes": changes})
    rule_set_publish(cause="test", actor="loader")
    config_versions.expire()
    found = evaluate(caller)
    assert found["modified_payload"] == ORDER["payload"] | changes
    assert found["trace"][0]["modified_payload_preview"] == found["modified_payload"]


def test_the_moment_can_be_chosen(guide: int, caller: Caller) -> None:
    found = evaluate(caller, evaluate_at="2026-03-12T03:00:00Z")
    assert found["matched_rule"] == "schedule-after-hours"


def test_metadata_is_taken_in_both_forms(guide: int, caller: Caller) -> None:
    add_rule(
        name="web",
        priority=0,
        condition={"field": "action.metadata.channel", "eq": "web"},
        action={"type": "allow"},
    )
    rule_set_publish(cause="test", actor="loader")
    config_versions.expire()
    for metadata in ({"channel": "web"}, {"labels": {"channel": "web"}}):
        assert evaluate(caller, metadata=metadata)["matched_rule"] == "web"


def test_an_evaluation_sees_the_payload_as_a_dispatch_does(
    guide: int, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upper(payload: dict[str, Any]) -> tuple[dict[str, Any], list[FieldProblem]]:
        return payload | {"shipping_country": payload["shipping_country"].strip().upper()}, []

    monkeypatch.setattr(evaluation, "_check_for", lambda action: upper)
    assert evaluate(caller, payload={"shipping_country": " nk"})["verdict"] == "deny"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"namespace": None}, "namespace"),
        ({"tenant": " x"}, "tenant"),
        ({"provider": 5}, "provider"),
        ({"action_type": ""}, "action_type"),
        ({"payload": None}, "payload"),
        ({"payload": [1]}, "payload"),
        ({"metadata": "x"}, "metadata"),
        ({"evaluate_at": "yesterday"}, "evaluate_at"),
        ({"evaluate_at": "9999-12-31T23:00:00Z"}, "evaluate_at"),
        ({"evaluate_all": "yes"}, "evaluate_all"),
    ],
)
def test_a_wrong_field_is_named(guide: int, caller: Caller, changes: dict[str, Any], field: str) -> None:
    answer = caller("viewer").post("/v1/rules/evaluate", ORDER | changes, format="json")
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == field


def test_an_evaluation_stays_within_the_keys_scope_and_hides_other_tenants_rules(
    guide: int, caller: Caller
) -> None:
    other_tenants_rule()
    key = caller("viewer", tenants=["acme-store"])
    names = [
        seen["rule_name"] for seen in key.post("/v1/rules/evaluate", ORDER, format="json").json()["trace"]
    ]
    assert "secret-rule" not in names
    theirs = ORDER | {"tenant": "other-store"}
    assert key.post("/v1/rules/evaluate", theirs, format="json").status_code == 403


def test_without_published_rules_an_evaluation_answers_503(caller: Caller) -> None:
    answer = caller("viewer").post("/v1/rules/evaluate", ORDER, format="json")
    assert answer.status_code == 503
    assert answer["Retry-After"]


def test_an_evaluation_writes_nothing(guide: int, caller: Caller) -> None:
    evaluate(caller)
    assert not AuditRecord.objects.exists()
    assert RuleSetVersion.objects.count() == 1


def record(action_id: str, outcome: str = "executed", **changes: Any) -> None:
    facts: dict[str, Any] = {
        "namespace": "ecommerce",
        "tenant": "acme-store",
        "provider": "payment-gateway",
        "action_type": "place_order",
        "verdict": "allow",
    }
    AuditRecord.objects.create(action_id=action_id, outcome=outcome, **facts | changes)


def test_coverage_counts_distinct_actions_by_what_they_are(guide: int, caller: Caller) -> None:
    gates = {"gates": ["dedup-double-submit", "throttle-merchant-orders"]}
    record("a1", verdict_details=gates)
    record("a2", "pending_approval", matched_rule="approve-high-value")
    record("a2", "approval_approved", matched_rule="approve-high-value")
    record("a2", verdict_details=gates)
    record("a3")
    record("a3", "chain_step_completed", action_type="charge_card", verdict="chain")
    record("b1", "suppressed", action_type="gift", matched_rule="deny-unmatched")
    record("c1", tenant="other-store")
    record("old", dispatched_at=timezone.now() - timedelta(days=8))
    found = caller("viewer").get("/v1/rules/coverage").json()
    summary = ("total_actions", "unique_combinations", "fully_covered", "partially_covered", "uncovered")
    assert [found[name] for name in summary] == [5, 3, 1, 1, 1]
    assert found["rules_loaded"] == 6
    assert found["unmatched_rules"] == ["deny-sanctioned-regions", "schedule-after-hours"]
    assert found["entries"][1] == {
        "namespace": "ecommerce",
        "tenant": "acme-store",
        "provider": "payment-gateway",
        "action_type": "place_order",
        "total": 3,
        "covered": 2,
        "uncovered": 1,
        "matched_rules": ["approve-high-value", "dedup-double-submit", "throttle-merchant-orders"],
    }


def test_coverage_keeps_to_the_query_and_to_the_keys_scope(guide: int, caller: Caller) -> None:
    record("a1")
    record("c1", tenant="other-store")
    everyone, key = caller("viewer"), caller("viewer", tenants=["acme-store"])
    path = "/v1/rules/coverage"
    assert everyone.get(path, {"tenant": "other-store"}).json()["total_actions"] == 1
    assert key.get(path).json()["total_actions"] == 1
    assert key.get(path, {"tenant": "other-store"}).status_code == 403
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    assert everyone.get(path, {"from": tomorrow, "to": tomorrow}).json()["entries"] == []
    assert everyone.get(path, {"from": tomorrow}).status_code == 400
    assert everyone.get(path, {"to": "noon"}).status_code == 400
    assert everyone.get(path, {"to": "0001-01-01T00:00:00Z"}).status_code == 200
