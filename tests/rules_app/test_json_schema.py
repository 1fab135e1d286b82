"""The JSON Schema for editors: it takes what the loader takes, and marks the mistakes that people make."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from django.conf import settings
from jsonschema import Draft7Validator

from rules_app.engine import ACTIONS
from rules_app.engine.json_schema import rules_schema
from rules_app.engine.operators.registry import OPERATORS
from tests.rules_app.any_condition import any_condition
from tests.rules_app.shop import GUIDE
from tests.rules_app.test_docs import EXAMPLES

ROOT = Path(settings.BASE_DIR)
PUBLISHED = ROOT / "docs" / "rules.schema.json"
CHECK = Draft7Validator(rules_schema())


def accepts(*rules: Any) -> bool:
    return bool(CHECK.is_valid({"rules": list(rules)}))


def rule(condition: Any, **rest: Any) -> dict[str, Any]:
    return {"name": "r", "condition": condition, "action": {"type": "deny"}, **rest}


def test_the_published_schema_is_the_one_that_the_command_prints() -> None:
    Draft7Validator.check_schema(rules_schema())
    assert json.loads(PUBLISHED.read_text()) == rules_schema(), (
        "manage.py rules schema > docs/rules.schema.json"
    )


def test_every_rule_of_the_fixtures_and_of_the_guide_fits() -> None:
    files = [yaml.safe_load(file.read_text()) for file in (ROOT / "fixtures").rglob("*.yaml")]
    for document in (*files, *EXAMPLES, {"rules": GUIDE}):
        if isinstance(document, dict) and {"rules", "counters", "lists"} & document.keys():
            assert [error.message for error in CHECK.iter_errors(document)] == []


def test_whatever_condition_the_loader_takes_fits() -> None:
    rng = Random(1)
    assert [one for one in (any_condition(rng) for _ in range(150)) if not accepts(rule(one))] == []


def test_every_operator_and_action_stands_in_it() -> None:
    definitions = rules_schema()["definitions"]
    assert set(OPERATORS) <= set(definitions["condition"]["properties"])
    assert definitions["action"]["properties"]["type"]["enum"] == list(ACTIONS)


COUNTER = {"name": "orders-of-email", "count": "orders", "window": "24h", "by": ["action.payload.email"]}
LIST = {"name": "blocked", "entries": ["eve@example.com", {"value": "a@b.c", "expires_at": "2027-01-01"}]}


def test_counters_and_lists_fit_and_their_mistakes_do_not() -> None:
    assert CHECK.is_valid({"counters": [COUNTER], "lists": [LIST]})
    for wrong in ({"count": "order"}, {"sum": "action.payload.total_cents"}, {"per": "shop"}, {"most": 0}):
        assert not CHECK.is_valid({"counters": [{**COUNTER, **wrong}]}), wrong
    for wrong in ({"matching": "loose"}, {"entries": [5]}, {"entires": []}):
        assert not CHECK.is_valid({"lists": [{**LIST, **wrong}]}), wrong


TOTAL = {"field": "action.payload.total_cents", "gte": 5}


@pytest.mark.parametrize(
    "wrong",
    [
        rule({"field": "action.payload.a", "gtee": 5}),
        rule({"field": "action.payload.a", "gte": 5, "lt": 9}),
        rule({"field": "action.payload.a"}),
        rule({"gte": 5}),
        rule({"field": "payload.a", "gte": 5}),
        rule({"all": []}),
        rule({"all": [TOTAL], "any": [TOTAL]}),
        rule({"field": "action.payload.a", "in_list": "NK"}),
        rule({"field": "action.payload.a", "in_list": [False]}),
        rule({"field": "action.payload.a", "length": "5"}),
        rule({"field": "action.payload.a", "before": 5}),
        rule({"field": "action.payload.a", "ne": {"fields": "x"}}),
        rule({"field": "action.payload.a[*]", "any": {"gtee": 5}}),
        rule({"cel": 5}),
        rule(TOTAL, priorty=5),
        rule(TOTAL, priority="5"),
        rule(TOTAL, action={"type": "denny"}),
        rule(TOTAL, action={"type": "throttle", "max_count": 5}),
        rule(TOTAL, action={"type": "deny", "message": "no"}),
        rule(TOTAL, action={"type": "throttle", "max_count": 5, "window_seconds": "60"}),
        {"name": "r", "condition": TOTAL},
    ],
)
def test_what_people_mistype_is_marked(wrong: dict[str, Any]) -> None:
    assert accepts(rule(TOTAL))
    assert not accepts(wrong)
