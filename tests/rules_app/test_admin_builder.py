"""What the rule builder asks of the server: materials to build from, and what is wrong with what is typed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from rules_app.engine.operators.registry import OPERATORS
from rules_app.models import RuleSetVersion
from tests.rules_app.test_admin_rules import form, manager
from tests.world import load_shop

pytestmark = pytest.mark.django_db
BUILDER = "admin:rules_app_rule_builder"
CONDITION = """all:
  - field: action.action_type
    eq: place_order
  - field: action.payload.total_cents
    gte: 50000"""


def judged(client: Client, **texts: str) -> dict[str, Any]:
    answer = client.post(reverse(BUILDER), form(**texts))
    assert answer.status_code == 200
    return dict(answer.json())


def test_a_text_comes_back_as_an_object_as_yaml_and_in_words() -> None:
    load_shop()
    said = judged(manager(), condition=CONDITION, action='{"type": "deny"}')
    assert said["data"]["condition"]["all"][1] == {"field": "action.payload.total_cents", "gte": 50000}
    assert said["yaml"] == {"condition": CONDITION + "\n", "action": "type: deny\n"}
    assert said["words"].startswith("When action type is place_order and total is at least 50,000")
    assert said["problems"] == []


def test_each_problem_has_the_path_that_saving_would_name() -> None:
    broken = CONDITION.replace("gte: 50000", 'gte: "50000"')
    said = judged(manager(), condition=broken, action="type: throttle\nmax_count: 10")
    assert {one["field"] for one in said["problems"]} == {"condition.all[1].gte", "action.window_seconds"}
    assert said["words"] == ""


def test_a_text_that_is_no_object_is_told_with_its_line() -> None:
    said = judged(manager(), condition="field: action.payload.country\nin_list: [NO]")
    assert said["data"]["condition"] is None
    assert [(one["field"], one["message"][:7]) for one in said["problems"]] == [("condition", "line 2:")]


def test_asking_changes_nothing_and_takes_the_permission_to_edit(guide: int) -> None:
    judged(manager(), condition=CONDITION)
    assert RuleSetVersion.objects.count() == 1
    viewer = Client()
    assert viewer.get(reverse(BUILDER)).status_code == 302


def test_who_may_only_look_is_refused(guide: int) -> None:
    client = manager("view_rule")
    assert client.get(reverse(BUILDER)).status_code == 403
    assert client.post(reverse(BUILDER), form()).status_code == 403


def test_the_materials_are_the_registries_and_cost_few_statements() -> None:
    load_shop()
    client = manager()
    client.get(reverse(BUILDER))
    with CaptureQueriesContext(connection) as asked:
        found = client.get(reverse(BUILDER)).json()
    assert len([query for query in asked if "audit_app" in query["sql"]]) == 2
    assert {one["name"] for one in found["operators"]} == {one.name for one in OPERATORS.values()}
    throttle = next(one for one in found["actions"] if one["type"] == "throttle")
    assert [(one["name"], one["kind"]) for one in throttle["settings"]] == [
        ("max_count", "count"),
        ("window_seconds", "seconds"),
    ]
    assert "email-service" in found["names"]["providers"]
    assert found["decimals"]["KWD"] == 3


def test_a_condition_is_told_before_there_is_an_action() -> None:
    said = judged(manager(), condition="field: time.hour\ngte: 20", action="")
    assert (said["words"], said["problems"]) == ("When hour is at least 20: …", [])


def test_a_number_that_a_browser_would_change_stays_in_the_text() -> None:
    said = judged(manager(), condition=f"field: action.payload.account\neq: {2**53 + 1}", action="type: deny")
    assert said["data"]["condition"] is None
    assert [one["field"] for one in said["problems"]] == ["condition"]
