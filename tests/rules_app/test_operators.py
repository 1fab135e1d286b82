"""What every operator says of every kind of value."""

from __future__ import annotations

from typing import Any

import pytest

from rules_app.engine import decide
from tests.rules_app.shop import OFFICE_HOURS, order, problems_of, rule_of, rule_set

ABSENT = object()


def holds(operator: str, operand: Any, value: Any) -> bool:
    clause = {"field": "action.payload.x", operator: operand}
    payload = {} if value is ABSENT else {"x": value}
    return decide(rule_set(rule_of(condition=clause)), order(payload), OFFICE_HOURS).verdict == "deny"


TRUTHS: list[tuple[str, Any, list[Any], list[Any]]] = [
    # operator, operand, values for which it is true, values for which it is false
    ("eq", "5", ["5"], [5, "05", None, ABSENT, ["5"], {"5": 1}, True]),
    ("eq", 5, [5, 5.0], ["5", 6, True, None, ABSENT, [5]]),
    ("eq", 1, [1, 1.0], [True, "1"]),
    ("eq", True, [True], [1, "true", 1.0, None, ABSENT]),
    ("eq", False, [False], [0, "", None, ABSENT]),
    ("ne", "US", ["DE", 5, None, ABSENT], ["US"]),
    ("neq", 5, ["5", True, ABSENT], [5, 5.0]),
    ("gt", 5, [6, 5.1, 10**30], [5, 4, "6", True, None, ABSENT, [6], {}]),
    ("gte", 50000, [50000, 50000.0, 60000], [49999, "60000", True, None, ABSENT]),
    ("lt", 5, [4, -1, 4.9], [5, "4", False, None, ABSENT]),
    ("lte", 5, [5, 5.0, 4], [6, "5", False, ABSENT]),
    ("gte", "2026-01-31", ["2026-01-31", "2026-02-01"], ["2025-12-31", 20260201, None, ABSENT]),
    ("in_list", ["NK", "SY"], ["NK"], ["nk", "US", None, ABSENT, ["NK"], {}]),
    ("in_list", [1, 2.5], [1, 1.0, 2.5], ["1", True, 3, ABSENT]),
    ("not_in_list", ["NK", "SY"], ["US", 5, None, ABSENT, ["NK"]], ["NK"]),
    ("contains", "b", ["abc", ["a", "b"]], ["ac", ["abc"], 5, None, ABSENT, {"b": 1}]),
    ("contains", 5, [[4, 5], [5.0]], ["5", [True], ["5"], 5, ABSENT]),
    ("not_contains", "b", ["ac", ["a"], []], ["abc", ["b"], 5, None, ABSENT]),
    ("starts_with", "ab", ["abc", "ab"], ["cab", ["ab"], 5, None, ABSENT]),
    ("ends_with", "bc", ["abc"], ["bcd", 5, ABSENT]),
    ("matches", "^[A-Z]{2}$", ["US"], ["USA", "us", 5, None, ABSENT, "\ud800"]),
    ("matches", "rush", ["a rush order"], ["calm"]),
    ("exists", True, ["", 0, None, [], False], [ABSENT]),
    ("exists", False, [ABSENT], [None, 0]),
    ("is_null", True, [None, ABSENT], [0, "", False, []]),
    ("is_null", False, [0, ""], [None, ABSENT]),
]


@pytest.mark.parametrize(
    ("operator", "operand", "value"), [(o, x, v) for o, x, yes, _ in TRUTHS for v in yes]
)
def test_the_operator_holds(operator: str, operand: Any, value: Any) -> None:
    assert holds(operator, operand, value)


@pytest.mark.parametrize(("operator", "operand", "value"), [(o, x, v) for o, x, _, no in TRUTHS for v in no])
def test_the_operator_does_not_hold(operator: str, operand: Any, value: Any) -> None:
    assert not holds(operator, operand, value)


def test_a_pattern_that_would_hang_a_backtracking_engine_answers_at_once() -> None:
    assert not holds("matches", "^(a+)+$", "a" * 50_000 + "!")


REFUSED: list[tuple[str, Any, str]] = [
    ("eq", None, "is_null"),
    ("eq", ["a"], "in_list"),
    ("eq", {"a": 1}, "not an object"),
    ("eq", float("nan"), "finite"),
    ("eq", "a\x00b", "NUL"),
    ("gte", "50000", "write 50000 without quotes"),
    ("gte", True, "true/false is none"),
    ("in_list", "NK", "must be a list"),
    ("in_list", [], "empty list"),
    ("in_list", ["a", 5], "member 2 is a number among text"),
    ("in_list", [["a"]], "member 1 must be text"),
    ("in_list", ["a", None], "member 2 is empty"),
    ("starts_with", 5, "quote it"),
    ("starts_with", "", "must not be empty"),
    ("contains", [1], "not a list"),
    ("matches", "(", "no RE2 pattern"),
    ("matches", "(?=a)", "no RE2 pattern"),
    ("matches", "a" * 1001, "at most 1000"),
    ("exists", "yes", "must be true or false"),
    ("is_null", 1, "must be true or false"),
]


@pytest.mark.parametrize(("operator", "operand", "hint"), REFUSED)
def test_an_operand_that_could_never_do_what_was_meant_is_refused(
    operator: str, operand: Any, hint: str
) -> None:
    problems = problems_of(condition={"field": "action.payload.x", operator: operand})
    assert hint in problems[f"condition.{operator}"]


@pytest.mark.parametrize(
    "clause",
    [
        {"field": "action.payload.shipping_country", "in_list": ["NK", False]},
        {"field": "action.payload.shipping_country", "in_list": [False]},
        {"field": "action.payload.shipping_country", "eq": False},
        {"field": "action.payload.address.country_code", "ne": False},
        {"field": "action.payload.shipping_country", "starts_with": False},
        {"field": "action.payload.anything", "in_list": ["SE", False, "DK"]},
        {"field": "action.tenant", "eq": False},
    ],
)
def test_norway_without_quotes_is_refused_with_what_to_write(clause: dict[str, Any]) -> None:
    (message,) = problems_of(condition=clause).values()
    assert "quote it: 'NO'" in message


def test_a_country_given_as_a_number_is_refused() -> None:
    problems = problems_of(condition={"field": "action.payload.country", "in_list": [840]})
    assert "must be text" in problems["condition.in_list"]


def test_true_and_false_stay_usable_where_they_are_meant() -> None:
    assert holds("eq", False, False)
