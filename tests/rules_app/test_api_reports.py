"""GET /v1/rules/{name}/report and POST /v1/rules/{name}/stage, and the same as commands."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from rules_app.drafts import live_spec
from rules_app.models import Rule
from tests.contract import described
from tests.rules_app.test_trial_reports import DENY, NAME, put
from tests.world import NAMESPACE, Shop

REPORT, STAGE = f"/v1/rules/{NAME}/report", f"/v1/rules/{NAME}/stage"


@pytest.fixture
def tried(shop: Shop) -> Shop:
    put(shadow=True)
    shop.place(payload={"order_id": "seen-1"})
    shop.place(payload={"shipping_country": "SY"})
    return shop


def asked(shop: Shop, status: int = 200, **query: Any) -> Any:
    answer = shop.get(REPORT, **query)
    assert answer.status_code == status, answer.content
    described.check("GET", answer)
    return answer.json()


def test_the_report_is_as_described_and_counts_what_the_key_sees(tried: Shop) -> None:
    (side,) = asked(tried)["sides"]
    assert (side["side"], side["trials"], side["differing"], side["worth"]) == (
        "shadow",
        2,
        1,
        {"USD": 7_999},
    )
    assert {sample["order"] for sample in side["samples"]} == {"seen-1", None}
    assert asked(Shop(namespaces=[NAMESPACE], tenants=["other-store"]))["sides"] == []
    assert asked(Shop(action_types=["refund"]))["sides"] == []
    assert asked(tried, tenant="other-store")["sides"] == []


def test_a_span_that_is_none_and_a_rule_that_is_not_seen_are_refused(tried: Shop) -> None:
    asked(tried, 400, **{"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"})
    asked(tried, 400, **{"from": "2024-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"})
    Rule.objects.filter(name=NAME).update(tenant="acme-store")
    asked(Shop(namespaces=[NAMESPACE], tenants=["other-store"]), 404)


def test_a_step_answers_the_draft_by_which_it_is_done(tried: Shop) -> None:
    answer = tried.post(STAGE, {"stage": "live", "percent": 25, "reason": "a good week"})
    described.check("POST", answer)
    assert answer.json()["status"] == "published"
    assert live_spec(NAME) == {**DENY, "rollout": {"percent": 25}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"stage": "half", "reason": "x"}, "stage"),
        ({"reason": "x"}, "stage"),
        ({"stage": "live", "percent": "25", "reason": "x"}, "percent"),
        ({"stage": "live", "percent": 0, "reason": "x"}, f"rules[{NAME}].rollout.percent"),
        ({"stage": "all", "percent": 5, "reason": "x"}, "percent"),
        ({"stage": "live"}, "reason"),
    ],
)
def test_a_step_that_is_none_is_refused_by_field(tried: Shop, body: dict[str, Any], field: str) -> None:
    answer = tried.post(STAGE, body)
    assert answer.status_code == 422, answer.content
    assert [problem["field"] for problem in answer.json()["details"]] == [field]
    assert live_spec(NAME) == {**DENY, "shadow": True}


def test_only_an_administrators_key_for_everything_takes_a_step(tried: Shop) -> None:
    body = {"stage": "live", "reason": "x"}
    for shop in (Shop(role="operator"), Shop(tenants=["acme-store"])):
        assert shop.post(STAGE, body).status_code == 403


def test_the_list_and_the_coverage_know_what_is_in_shadow(tried: Shop) -> None:
    listed = next(rule for rule in tried.get("/v1/rules").json() if rule["name"] == NAME)
    assert listed["shadow"] is True
    assert NAME not in tried.get("/v1/rules/coverage").json()["unmatched_rules"]


def test_commands_tell_the_report_and_take_the_step(tried: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rules", "report", NAME)
    told = capsys.readouterr().out
    assert "In shadow: 1 of 2 orders would have been refused, and were not" in told
    assert "deny-sanctioned-regions" in told
    call_command("rules", "stage", NAME, "live", "--percent", "10", "--reason", "a good week")
    assert "is in force" in capsys.readouterr().out
    assert live_spec(NAME) == {**DENY, "rollout": {"percent": 10}}
    with pytest.raises(CommandError, match="there is no rule"):
        call_command("rules", "report", "nothing")
