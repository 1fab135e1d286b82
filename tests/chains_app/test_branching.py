"""Branches compare by type, like rules, and the first that matches decides."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains_app.branching import Choice, choose, equal, matches
from chains_app.definitions import Branch, Definition, Step, parse_definition
from chains_app.definitions.model import OPERATORS

BODY = {
    "logged": True,
    "count": 5,
    "rate": 5.0,
    "text": "five",
    "none": None,
    "tags": ["a", 1],
    "items": [{"sku": "x"}],
}


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("body.logged", "eq", True, True),
        ("body.logged", "eq", 1, False),
        ("body.logged", "neq", 1, True),
        ("body.count", "eq", 5.0, True),
        ("body.rate", "eq", 5, True),
        ("body.count", "eq", "5", False),
        ("body.count", "eq", True, False),
        ("body.items", "eq", [{"sku": "x"}], True),
        ("body.items[0].sku", "eq", "x", True),
        ("body.items[1].sku", "eq", "x", False),
        ("body.tags", "eq", ["a", True], False),
        ("body.missing", "eq", None, True),
        ("body.missing", "eq", "x", False),
        ("body.missing", "neq", "x", True),
        ("body.none", "exists", None, False),
        ("body.missing", "exists", None, False),
        ("body.logged", "exists", None, True),
        ("body", "exists", None, True),
        ("body.text", "contains", "iv", True),
        ("body.text", "contains", 5, False),
        ("body.tags", "contains", 1.0, True),
        ("body.tags", "contains", True, False),
        ("body", "contains", "logged", True),
        ("body.missing", "contains", "x", False),
        ("body.count", "gt", 4.5, True),
        ("body.count", "gt", 5, False),
        ("body.count", "gte", 5.0, True),
        ("body.count", "lt", 6, True),
        ("body.count", "lte", "6", False),
        ("body.text", "gt", "fiva", True),
        ("body.logged", "gte", 0, False),
        ("body.none", "lt", 1, False),
        ("success", "eq", True, True),
        ("success", "eq", "true", False),
    ],
)
def test_an_operator_on_a_field_of_the_answer(field: str, operator: str, value: Any, expected: bool) -> None:
    assert matches(Branch(field, operator, value, "t"), body=BODY) is expected


def test_without_an_answer_every_field_is_null() -> None:
    assert not matches(Branch("body.logged", "eq", True, "t"), body=None, success=False)
    assert matches(Branch("success", "eq", False, "t"), body=None, success=False)


def routed() -> tuple[Definition, Step]:
    spec = {
        "name": "c",
        "steps": [
            {
                "name": "a",
                "provider": "p",
                "action_type": "t",
                "branches": [
                    {"field": "body.n", "operator": "gt", "value": 10, "target": "end"},
                    {"field": "body.n", "operator": "gt", "value": 5, "target": "c"},
                ],
            },
            {"name": "b", "provider": "p", "action_type": "t"},
            {"name": "c", "provider": "p", "action_type": "t"},
        ],
    }
    definition, problems = parse_definition(spec)
    assert problems == []
    assert definition is not None
    return definition, definition.steps[0]


def test_the_first_matching_branch_decides_then_the_next_step() -> None:
    definition, step = routed()
    assert choose(definition, step, body={"n": 11}, success=True) == Choice(None, "branch body.n gt")
    assert choose(definition, step, body={"n": 7}, success=True).target == "c"
    assert choose(definition, step, body={"n": 1}, success=True) == Choice("b", "next")
    assert choose(definition, definition.steps[2], body={}, success=True).target is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, json_values)
def test_equality_is_symmetric_and_neq_its_opposite(left: Any, right: Any) -> None:
    assert equal(left, right) == equal(right, left)
    assert equal(left, left)
    assert matches(Branch("body", "neq", right, "t"), body=left) is not equal(left, right)


@given(json_values, st.sampled_from(OPERATORS), json_values)
def test_no_operator_ever_raises(body: Any, operator: str, value: Any) -> None:
    assert matches(Branch("body.a[0]", operator, value, "t"), body=body) in (True, False)
    assert matches(Branch("body", operator, value, "t"), body=body) in (True, False)
