"""What a dispatch would do, asked three ways: `?dry_run=true`, /v1/rules/evaluate and the page say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.rules_app.test_admin_rules import TRY, manager
from tests.world import CLOSED_HOURS, OPEN_HOURS, Shop, order

Decision = tuple[str, str | None]
ACTIONS: list[tuple[str, dict[str, Any], str, Decision]] = [
    ("a plain order", {}, OPEN_HOURS, ("allow", None)),
    (
        "a large order",
        {"payload": {"total_cents": 50_000}},
        OPEN_HOURS,
        ("request_approval", "approve-high-value"),
    ),
    (
        "one to a sanctioned country",
        {"payload": {"shipping_country": "IR"}},
        OPEN_HOURS,
        ("deny", "deny-sanctioned-regions"),
    ),
    ("one on Saturday", {}, CLOSED_HOURS, ("schedule", "schedule-after-hours")),
    ("what no rule knows", {"action_type": "ship_order"}, OPEN_HOURS, ("suppress", "deny-unmatched")),
]


@pytest.fixture
def page(shop: Shop) -> Client:
    return manager("view_rule")


def by_dry_run(shop: Shop, action: Any, at: str) -> Decision:
    told = shop.dispatch(action, now=at, dry_run=True).json()["DryRun"]
    return told["verdict"], told["matched_rule"]


def by_evaluation(shop: Shop, action: Any, at: str) -> Decision:
    told = shop.post("/v1/rules/evaluate", {**action, "evaluate_at": at}).json()
    return told["verdict"], told.get("matched_rule")


def by_page(client: Client, action: Any, at: str) -> Decision:
    names = ("namespace", "tenant", "provider", "action_type")
    typed = {name: action[name] for name in names} | {"payload": json.dumps(action["payload"])}
    plan = client.post(reverse(TRY), {**typed, "evaluate_at": at}).context["found"]["plan"]
    return plan.verdict, plan.rule.name if plan.rule else None


@pytest.mark.parametrize(
    ("changes", "at", "decided"), [one[1:] for one in ACTIONS], ids=[one[0] for one in ACTIONS]
)
def test_the_dry_run_the_evaluation_and_the_page_say_the_same(
    shop: Shop, page: Client, changes: dict[str, Any], at: str, decided: Decision
) -> None:
    action = order(**changes)
    assert by_dry_run(shop, action, at) == decided
    assert by_evaluation(shop, action, at) == decided
    assert by_page(page, action, at) == decided
