"""Conditions written in CEL: the same tree as in YAML, or refused with the place and the reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules_app.engine.conditions import Condition, parse_condition
from tests.rules_app.shop import problems_of, rule_of

P = "action.payload"


def parsed(spec: Any) -> Condition:
    return rule_of(condition=spec).condition


def shape(condition: Condition) -> Any:
    """The tree without its closures."""
    if leaf := condition.leaf:
        inner = leaf.inner and shape(leaf.inner)
        return leaf.field.path, leaf.operator.name, None if inner else leaf.operand, inner
    return condition.group, [shape(child) for child in condition.children]


def on(name: str, **operator: Any) -> dict[str, Any]:
    return {"field": f"{P}.{name}", **operator}


def both(*many: dict[str, Any]) -> dict[str, Any]:
    return {"all": list(many)}


TOTAL, COUNTRY = on("total_cents", gte=50000), on("country", in_list=["KP", "IR"])
GIFT = both({"field": "item.sku", "starts_with": "GIFT-"}, {"field": "item.count", "gt": 10})
A_THEN_B = {
    "any": [both(on("a", eq=True), on("b", eq=True)), both({"not": on("a", eq=True)}, on("c", eq=True))]
}
SAME: list[tuple[str, dict[str, Any]]] = [
    (f"{P}.total_cents >= 50000 && {P}.country in ['KP', \"IR\"]", {"all": [TOTAL, COUNTRY]}),
    (f"!({P}.total_cents >= 50000) || {P}.country in ['KP', 'IR']", {"any": [{"not": TOTAL}, COUNTRY]}),
    (f"50000 <= {P}.total_cents", TOTAL),
    (f"{P}.a.startsWith('x') && {P}.a.matches(r'^\\d')", both(on("a", starts_with="x"), on("a", matches="^\\d"))),
    (f"{P}.billing != {P}.shipping", on("billing", ne={"field": f"{P}.shipping"})),
    (f"has({P}.coupon)", {"field": f"{P}.coupon", "exists": True}),
    (f"{P}.gift", {"field": f"{P}.gift", "eq": True}),
    (f"size({P}.items) > 3", {"field": f"{P}.items", "min_length": 4}),
    (f"{P}.items.size() <= 3", {"field": f"{P}.items", "max_length": 3}),
    (f"'vip' in {P}.tags", {"field": f"{P}.tags", "contains": "vip"}),
    (f"{P}.items[0].sku == 'A'", {"field": f"{P}.items.0.sku", "eq": "A"}),
    ("action.metadata['app.example.org/team'] == 'x'", {"field": "action.metadata.app.example.org/team", "eq": "x"}),
    ("time.hour < 9", {"field": "time.hour", "lt": 9}),
    (f"{P}.note == 'a\\u00e9'", {"field": f"{P}.note", "eq": "aé"}),
    (
        f"{P}.items.exists(i, i.sku.startsWith('GIFT-') && i.count > 10)",
        {"field": f"{P}.items[*]", "any": GIFT},
    ),
    (f"{P}.tags.all(t, t == 'a')", {"field": f"{P}.tags[*]", "all": {"field": "item", "eq": "a"}}),
    (f"timestamp({P}.at) < timestamp('2026-12-24T00:00:00Z')", {"field": f"{P}.at", "before": "2026-12-24T00:00:00Z"}),
    (f"timestamp({P}.at) >= timestamp({P}.due)", {"field": f"{P}.at", "on_or_after": {"field": f"{P}.due"}}),
    (f"now - timestamp({P}.at) > duration('72h')", {"field": f"{P}.at", "older_than": "72h"}),
    (f"timestamp({P}.at) > now - duration('72h')", {"field": f"{P}.at", "younger_than": "72h"}),
    (f"{P}.a ? {P}.b : {P}.c", A_THEN_B),
]  # fmt: skip


@pytest.mark.parametrize(("cel", "spec"), SAME, ids=[cel for cel, _ in SAME])
def test_what_is_written_in_cel_is_the_tree_of_the_same_yaml(cel: str, spec: dict[str, Any]) -> None:
    assert shape(parsed({"cel": cel})) == shape(parsed(spec))
    assert parsed({"cel": cel}).text == parsed(spec).text


REFUSED = [
    (f"{P}.total_cents * 2 > 5", "line 1, column 1: cannot be a side of a comparison here: a calculation"),
    (f"{P}.a +1 > 5", "line 1, column 1: rules do not calculate"),
    (f"{P}.a > 1 &&\n  {P}.b.lowerAscii() == 'x'", "line 2, column 3: lowerAscii() cannot be a side"),
    (
        f"{P}.items.exists_one(i, i.a == 1)",
        "line 1, column 1: exists_one() with these arguments is no condition",
    ),
    (
        f"{P}.items.exists(i, i.x.exists(j, i.a == j.b))",
        "column 46: 'i' is not known here; known are action, time, counter, caller, order, j",
    ),
    (f"{P}.items.exists(i, {P}.b == 1)", "column 32: is no part of the member"),
    ("payload.a == 1", "line 1, column 1: 'payload' is not known here"),
    (f"{P}.a == 1 &&", "line 1, column 25: the expression ends too early"),
    (f"{P}.a ~ 1", "line 1, column 18: cannot be read from here on: ~ 1"),
    (f"{P}.a >= '50000'", "line 1, column 1: compares numbers: write 50000 without quotes"),
    (f"{P}.country == false", "quote it: 'NO'"),
    ("action.paylod.a == 1", "did you mean 'action.payload'?"),
    ("true", "line 1, column 1: is no condition"),
    ("1 == 1", "cannot compare a value with a value"),
    (f"timestamp('soon') < timestamp({P}.at)", "column 11: must be a moment such as"),
    (f"b'x' == {P}.a", "bytes cannot be compared"),
    ("!" * 3000 + f"{P}.a", "is nested deeper than 40 levels"),
    ("x" * 10_001, "at most 10000 characters"),
    ("", "must not be empty"),
    (5, "must be text in CEL"),
]


@pytest.mark.parametrize(("cel", "hint"), REFUSED, ids=[str(cel)[:40] for cel, _ in REFUSED])
def test_what_cannot_be_a_condition_is_refused_with_its_place_and_the_reason(cel: Any, hint: str) -> None:
    assert hint in problems_of(condition={"cel": cel})["condition.cel"]


def test_cel_stands_wherever_a_condition_may_and_beside_nothing() -> None:
    nested = {
        "all": [TOTAL, {"cel": f"{P}.a == 1"}, {"field": f"{P}.items[*]", "any": {"cel": "item.sku == 'A'"}}]
    }
    assert parsed(nested).text == (
        f'{P}.total_cents >= 50000 and {P}.a == 1 and any of {P}.items (item.sku == "A")'
    )
    assert (
        "nest both under all"
        in problems_of(condition={"cel": f"{P}.a == 1", "all": [TOTAL]})["condition.all"]
    )


_PIECES = (
    *(cel for cel, _ in SAME),
    *(str(cel)[:60] for cel, _ in REFUSED),
    "(",
    ")",
    "&&",
    "'",
    "null",
    "\n",
    "é",
)


@settings(max_examples=40, deadline=None)
@given(pieces=st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), min_size=1, max_size=4))
def test_no_text_makes_reading_fail(pieces: list[str]) -> None:
    problems: list[Any] = []
    assert (parse_condition({"cel": " ".join(pieces)}, "condition", problems) is None) == bool(problems)
