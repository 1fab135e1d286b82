"""What the operators for orders say: lists and their members, text in any case, networks, mail, dates, other fields."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from rules_app.engine import ActionView, RuleSet, RuleTrace, decide
from rules_app.engine.scope import Scope
from tests.rules_app.shop import OFFICE_HOURS, order, problems_of, rule_of
from tests.rules_app.test_operators import ABSENT, holds

TRUTHS: list[tuple[str, Any, list[Any], list[Any]]] = [
    # operator, operand, values for which it is true, values for which it is false
    ("eq_ignoring_case", "straße", ["STRASSE", "Straße", "strasse"], ["strase", 5, None, ABSENT, ["straße"]]),
    ("eq_ignoring_case", "ABC", ["abc", "\uff21\uff22\uff23", "aBc"], [" abc", "ab", "a\u0301bc"]),
    ("eq_ignoring_case", "é", ["É", "e\u0301", "E\u0301"], ["e"]),
    ("ne_ignoring_case", "usd", ["EUR", 5, None, ABSENT], ["USD", "Usd"]),
    ("in_list_ignoring_case", ["NK", "sy"], ["nk", "SY"], ["us", None, ABSENT, 5]),
    ("not_in_list_ignoring_case", ["NK"], ["us", None, ABSENT, 5], ["nk"]),
    ("contains_ignoring_case", "gift", ["A GIFT", ["Gift"]], ["a present", ["gifts"], 5, ABSENT]),
    ("not_contains_ignoring_case", "gift", ["present", ["gifts"]], ["GIFT", ["Gift"], 5, None, ABSENT]),
    ("starts_with_ignoring_case", "eu-", ["EU-1", "eu-"], ["1-EU-", 5, ABSENT]),
    ("ends_with_ignoring_case", ".DE", ["shop.de"], ["de", 5, ABSENT]),
    ("starts_with_any", ["EU-", "UK-"], ["EU-1", "UK-"], ["eu-1", "US-1", 5, ["EU-"], ABSENT]),
    ("starts_with_any", "EU-", ["EU-1"], ["UK-1"]),
    ("ends_with_any", [".de", ".at"], ["a.de", "a.at"], ["a.ch", None, ABSENT]),
    ("length", 2, ["ab", [1, 2], "😀😀"], ["abc", [], 2, {"a": 1, "b": 2}, None, ABSENT]),
    ("min_length", 2, ["ab", "abc", [1, 2, 3]], ["a", "", [], 22, ABSENT]),
    ("max_length", 2, ["", "ab", []], ["abc", [1, 2, 3], 1, None, ABSENT]),
    (
        "in_cidr",
        "10.0.0.0/8",
        ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
        ["11.0.0.0", "9.255.255.255"],
    ),
    (
        "in_cidr",
        "10.0.0.0/8",
        [],
        ["10.1.2.3:80", "010.1.2.3", "10.1.2", "", "x", 167772161, None, ABSENT, "::a00:1"],
    ),
    (
        "in_cidr",
        ["192.0.2.7", "2001:db8::/32"],
        ["192.0.2.7", "2001:db8:ffff::1", "2001:DB8::"],
        ["192.0.2.8", "2001:db9::"],
    ),
    ("in_cidr", ["10.0.0.0/9", "10.128.0.0/9", "10.5.0.0/16"], ["10.127.0.1", "10.200.0.1"], ["11.0.0.1"]),
    ("not_in_cidr", "10.0.0.0/8", ["11.0.0.0", "x", 5, None, ABSENT], ["10.0.0.1"]),
    (
        "email_domain",
        "example.com",
        ["a@example.com", "a@EXAMPLE.COM.", '"a@b"@example.com'],
        ["a@mail.example.com"],
    ),
    ("email_domain", "bücher.example", ["a@xn--bcher-kva.example", "a@BÜCHER.example"], ["a@bucher.example"]),
    (
        "email_domain",
        "example.com",
        [],
        ["example.com", "@example.com", "a@example.com>", "a@ example.com", 5, ABSENT],
    ),
    (
        "email_domain_within",
        ["example.com", "b.test"],
        ["a@example.com", "a@x.y.example.com"],
        ["a@notexample.com"],
    ),
    ("email_domain_within", "example.com", [], ["a@com", "a@example.com.evil.test", None, ABSENT]),
    ("before", "2026-03-11", ["2026-03-10", "2026-03-10T23:59:59Z"], ["2026-03-11", "2026-03-11T00:00:00Z"]),
    ("after", "2026-03-11", ["2026-03-12", "2026-03-12T00:00:00Z"], ["2026-03-11", "2026-03-11T23:59:59Z"]),
    (
        "on_or_before",
        "2026-03-11",
        ["2026-03-11", "2026-03-11T23:59:59.9Z"],
        ["2026-03-12", "2026-03-12T00:00:00Z"],
    ),
    ("on_or_after", "2026-03-11T12:00:00Z", ["2026-03-11T14:00:00+02:00", "2026-03-12"], ["2026-03-11"]),
    (
        "before",
        "2026-03-11",
        [],
        ["2026-02-30", "10.3.2026", "", 5, 1773000000, None, ABSENT, ["2026-03-10"]],
    ),
    ("before", "9999-12-31", ["2026-03-11"], ["9999-12-31"]),
    # The decision is on 2026-03-11 at 15:00 UTC.
    (
        "older_than",
        "1d",
        ["2026-03-10T14:59:59Z", "2026-03-09"],
        ["2026-03-10T15:00:00Z", "2026-03-10", "2027-01-01", 5, ABSENT],
    ),
    (
        "younger_than",
        "2h",
        ["2026-03-11T13:00:01Z", "2027-01-01"],
        ["2026-03-11T13:00:00Z", "2026-03-11", None, ABSENT],
    ),
    ("older_than", "P1DT12H", ["2026-03-10T02:00:00Z"], ["2026-03-10T04:00:00Z"]),
]


@pytest.mark.parametrize(("operator", "operand", "yes", "no"), TRUTHS)
def test_the_operator_holds_of_these_and_of_no_others(
    operator: str, operand: Any, yes: list[Any], no: list[Any]
) -> None:
    assert [value for value in yes if not holds(operator, operand, value)] == []
    assert [value for value in no if holds(operator, operand, value)] == []


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    # clause about action.payload.x, where the problem stands, what it says
    ({"eq_ignoring_case": 5}, "eq_ignoring_case", "must be text, which alone has upper and lower case"),
    ({"in_list_ignoring_case": [1, 2]}, "in_list_ignoring_case", "member 1 must be text"),
    ({"eq_ignore_case": "a"}, "eq_ignore_case", "did you mean 'eq_ignoring_case'?"),
    ({"starts_with_any": []}, "starts_with_any", "empty list"),
    ({"starts_with_any": ["a", ""]}, "starts_with_any", "member 2 must not be empty"),
    ({"length": "5"}, "length", "must be a whole number, not text"),
    ({"min_length": -1}, "min_length", "must be from 0"),
    ({"size": 5}, "size", "did you mean 'length'?"),
    ({"in_cidr": "10.0.0.1/8"}, "in_cidr", "did you mean '10.0.0.0/8'?"),
    ({"in_cidr": ["10.0.0.0/8", "10.0.0.0/33"]}, "in_cidr", "'10.0.0.0/33' is no network"),
    ({"cidr": "10.0.0.0/8"}, "cidr", "did you mean 'in_cidr'?"),
    ({"email_domain": "a@example.com"}, "email_domain", "did you mean 'example.com'?"),
    ({"email_domain": "*.example.com"}, "email_domain", "did you mean 'example.com'?"),
    ({"before": "tomorrow"}, "before", "'tomorrow' is no date such as '2026-12-24'"),
    ({"before": "2026-02-30"}, "before", "is no date"),
    ({"before": 5}, "before", "must be text in quotes, not a number"),
    ({"older_than": 30}, "older_than", "such as '30d' or '30s'"),
    ({"older_than": "3 months"}, "older_than", "months and years have no fixed one"),
    ({"older_than": "0d"}, "older_than", "from one second to a century"),
    ({"ne": {"field": "action.payload.x"}}, "ne", "compares action.payload.x with itself"),
    ({"ne": {"field": "payload.y"}}, "ne.field", "did you mean 'action.payload.y'?"),
    ({"ne": {"field": "item.y"}}, "ne.field", "below any or all of a field with [*]"),
    ({"starts_with": {"field": "action.payload.y"}}, "starts_with", "starts_with cannot"),
    ({"older_than": {"field": "action.payload.y"}}, "older_than", "cannot be another field"),
]


@pytest.mark.parametrize(("clause", "place", "hint"), REFUSED)
def test_what_could_never_do_what_was_meant_is_refused(clause: dict[str, Any], place: str, hint: str) -> None:
    problems = problems_of(condition={"field": "action.payload.x", **clause})
    assert hint in problems[f"condition.{place}"]


REFUSED_LISTS: list[tuple[dict[str, Any], str, str]] = [
    ({"field": "action.payload.items[*].sku", "eq": "A"}, "field", "write any: {…} or all: {…}"),
    ({"field": "action.payload.items", "any": {"eq": "A"}}, "field", "write action.payload.items[*]"),
    (
        {"field": "action.payload.a", "any": [{"field": "action.payload.b", "eq": 5}]},
        "field",
        "stands beside 'any'",
    ),
    ({"field": "action.payload.items[*].sku", "any": {"gtee": 5}}, "any.gtee", "did you mean 'gte'?"),
    ({"field": "action.payload.items[*]sku", "any": {"eq": 5}}, "field", "with a dot"),
    ({"field": "action.payload.a[*].b[*]", "any": {"eq": 5}}, "field", "more than one [*]"),
    (
        {"field": "action.payload.a[*]", "any": {"field": "action.payload.b", "eq": 5}},
        "any.field",
        "put this one beside it",
    ),
    (
        {"field": "action.payload.a[*]", "any": {"field": "action.payload.a[*]", "all": {"eq": 5}}},
        "any.field",
        "put this one",
    ),
    ({"field": "item.sku", "eq": "A"}, "field", "below any or all of a field with [*]"),
    (
        {"field": "time.hour", "eq": {"field": "action.tenant"}},
        "eq",
        "a number, with action.tenant, which is text",
    ),
    ({"field": "time.clock", "before": "2026-12-24"}, "before", "use time.date"),
    ({"field": "action.tenant", "before": "2026-12-24"}, "before", "is a name"),
]


@pytest.mark.parametrize(("condition", "place", "hint"), REFUSED_LISTS)
def test_a_list_is_asked_in_one_way_and_every_other_is_told_which(
    condition: dict[str, Any], place: str, hint: str
) -> None:
    assert hint in problems_of(condition=condition)[f"condition.{place}"]


def matches(condition: dict[str, Any], payload: dict[str, Any], **spec: Any) -> bool:
    plan = decide(RuleSet(1, (rule_of(condition=condition, **spec),)), order(payload), OFFICE_HOURS)
    assert plan.failed is None
    return plan.verdict == "deny"


ITEMS = [{"sku": "GIFT-1", "count": 2}, {"sku": "A", "count": 30}]
BOTH = {"all": [{"field": "item.sku", "starts_with": "GIFT-"}, {"field": "item.count", "gt": 10}]}

NESTED = {"field": "item.opts[*].code", "all": {"eq": "A"}}
ABOVE_LIMIT = {"gt": {"field": "action.payload.limit"}}


@pytest.mark.parametrize(
    ("clause", "items", "held"),
    [
        ({"field": "action.payload.items[*].sku", "any": {"starts_with": "GIFT-"}}, ITEMS, True),
        ({"field": "action.payload.items[*].sku", "all": {"starts_with": "GIFT-"}}, ITEMS, False),
        ({"field": "action.payload.items[*].count", "all": {"gte": 2}}, ITEMS, True),
        ({"field": "action.payload.items[*]", "any": BOTH}, ITEMS, False),
        ({"field": "action.payload.items[*]", "any": BOTH}, [*ITEMS, {"sku": "GIFT-2", "count": 11}], True),
        ({"field": "action.payload.items[*]", "any": {"eq": "A"}}, ["B", "A"], True),
        ({"field": "action.payload.items[*]", "any": NESTED}, [{"opts": [{"code": "A"}]}], True),
        ({"field": "action.payload.items[*].price", "any": ABOVE_LIMIT}, [{"price": 6}], True),
        ({"field": "action.payload.items[*].a", "any": {"ne": {"field": "item.b"}}}, [{"a": 1, "b": 1}], False),
        ({"field": "action.payload.items[*].sku", "any": {"exists": True}}, [], False),
        ({"field": "action.payload.items[*].sku", "all": {"exists": True}}, [], True),
        ({"field": "action.payload.items[*].sku", "all": {"exists": False}}, ABSENT, False),
        ({"field": "action.payload.items[*].sku", "all": {"exists": True}}, {"sku": "A"}, False),
        ({"field": "action.payload.items[*].sku", "any": {"ne": "A"}}, "A", False),
    ],
)  # fmt: skip
def test_any_and_all_ask_the_members_of_a_list(clause: dict[str, Any], items: Any, held: bool) -> None:
    payload = {"limit": 5} if items is ABSENT else {"limit": 5, "items": items}
    assert matches(clause, payload) is held
    assert matches({"not": clause}, payload) is not held


COUNTRIES = ("billing_country", "shipping_country")


@pytest.mark.parametrize(
    ("word", "one", "other", "held"),
    [
        ("eq", "DE", "DE", True),
        ("ne", "DE", "US", True),
        ("ne", "DE", "DE", False),
        ("ne", "DE", ABSENT, True),
        ("eq", ABSENT, ABSENT, False),
        ("eq", None, None, False),
        ("eq", 5, 5.0, True),
        ("eq", 1, True, False),
        ("eq", ["DE"], ["DE"], False),
        ("gt", 6, 5, True),
        ("gt", "6", 5, False),
        ("lte", "a", "b", True),
        ("before", "2026-03-11", "2026-03-12", True),
        ("after", "2026-03-12", "x", False),
        ("on_or_after", "2026-03-12", ABSENT, False),
    ],
)
def test_two_fields_are_compared(word: str, one: Any, other: Any, held: bool) -> None:
    payload = {name: value for name, value in (("a", one), ("b", other)) if value is not ABSENT}
    assert matches({"field": "action.payload.a", word: {"field": "action.payload.b"}}, payload) is held


def test_a_plain_date_is_a_day_in_the_rules_zone() -> None:
    before = {"field": "action.payload.at", "before": "2026-03-11"}
    late = {"at": "2026-03-11T03:00:00Z"}  # still the tenth in New York
    assert (matches(before, late), matches(before, late, timezone="US/Eastern")) == (False, True)
    local = {"at": "2026-03-10T23:30:00"}
    aware = {"field": "action.payload.at", "before": "2026-03-11T00:00:00Z"}
    assert (matches(aware, local), matches(aware, local, timezone="US/Eastern")) == (True, False)


BEFORE_Y = {"before": {"field": "action.payload.y"}}


def notes(condition: dict[str, Any], payload: dict[str, Any]) -> list[str]:
    trace: list[RuleTrace] = []
    decide(RuleSet(1, (rule_of(condition=condition),)), order(payload), OFFICE_HOURS, trace=trace)
    return list(trace[0].notes)


@pytest.mark.parametrize(
    ("clause", "payload", "note"),
    [
        ({"in_cidr": "10.0.0.0/8"}, {"x": "home"}, "action.payload.x is text, not an IP address, so in_cidr is false"),
        ({"older_than": "1d"}, {"x": 5}, "action.payload.x is a number, not a date, so older_than is false"),
        ({"length": 5}, {"x": 5}, "action.payload.x is a number, not text or a list, so length is false"),
        ({"email_domain": "a.b"}, {}, "action.payload.x is missing, so email_domain is false"),
        ({"ne": {"field": "action.payload.y"}}, {"x": 1}, "action.payload.y is missing, so ne is true"),
        (BEFORE_Y, {"x": "2026-01-01", "y": "soon"}, "action.payload.y is text, not a date, so before is false"),
    ],
)  # fmt: skip
def test_the_trace_says_what_could_not_be_compared(
    clause: dict[str, Any], payload: dict[str, Any], note: str
) -> None:
    assert notes({"field": "action.payload.x", **clause}, payload) == [note]


def test_the_trace_names_the_first_member_that_could_not_be_compared() -> None:
    clause = {"field": "action.payload.items[*].count", "any": {"gt": 10}}
    said = notes(clause, {"items": [{"count": 1}, {"sku": "A"}]})
    assert said == ["action.payload.items.1: item.count is missing, so gt is false"]
    assert notes(clause, {"items": "A"}) == ["action.payload.items is text, not a list, so any is false"]


def cost(condition: dict[str, Any], payload: dict[str, Any]) -> float:
    """Processor seconds of one decision."""
    rules, action = RuleSet(1, (rule_of(condition=condition),)), ActionView("s", "t", "p", "a", payload)
    begun = time.process_time()
    decide(rules, action, datetime(2026, 3, 11, tzinfo=UTC))
    return time.process_time() - begun


def test_a_member_of_a_list_costs_microseconds_however_many_there_are() -> None:
    members: list[Any] = [{"a": 1}] * 50_000  # a request holds five times as many
    both = {"all": [{"field": "item.a", "gte": 1}, {"field": "item.a", "ne": {"field": "action.payload.b"}}]}
    assert cost({"field": "action.payload.items[*]", "all": both}, {"items": members}) < 0.5


def test_folding_a_text_of_nothing_but_marks_does_not_take_the_square_of_its_length() -> None:
    text = "a" + "\u0301\u0327" * 200_000
    assert cost({"field": "action.payload.x", "contains_ignoring_case": "b"}, {"x": text}) < 1


def test_a_member_is_known_only_while_it_is_asked() -> None:
    rule = rule_of(
        condition={"field": "action.payload.items[*]", "any": {"field": "item.opts[*]", "any": {"eq": 2}}}
    )
    scope = Scope(order({"items": [{"opts": [1]}, {"opts": [2]}]}), OFFICE_HOURS, UTC)
    assert rule.condition.test(scope)
    assert scope.item is None
