"""Counters by themselves: how they are declared, what they count, and what a set of rules may ask of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules_app.checking import Question, check_rules
from rules_app.checking.counters import counter_problems
from rules_app.counting_since import with_counters
from rules_app.engine import ActionView, RuleSet, decide, parse_rule
from rules_app.engine.counters import micros
from rules_app.engine.counting import (
    Counter,
    CounterMemory,
    counted,
    empty_counts,
    parse_counter,
    total,
    use_of,
)
from rules_app.engine.scope import MISSING

EMAIL = "action.payload.email"
SECOND = 1_000_000
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def counter(since: str = "2026-01-01T00:00:00Z", **spec: Any) -> Counter:
    found, problems = parse_counter({"name": "n", "window": "60s", **spec}, "UTC", since)
    assert found, problems
    return found


def action(**payload: Any) -> ActionView:
    return ActionView("ns", "shop", "pay", "place_order", payload)


def rule(condition: dict[str, Any], **more: Any) -> Any:
    found, problems = parse_rule({"name": "r", "condition": condition, "action": {"type": "deny"}, **more})
    assert found, problems
    return found


# ---- what is counted

EVENTS = st.lists(st.tuples(st.integers(100, 140), st.integers(0, 9), st.sampled_from("abcd")), max_size=20)
COUNTERS = {
    "count": counter(count="orders", window="10s", most=3),
    "distinct": counter(distinct=EMAIL, window="10s", most=3),
    "sum": counter(sum="action.payload.n", window="10s", most=10_000),
}


@settings(max_examples=40)
@given(EVENTS, st.integers(0, 45), st.integers(0, 40))
def test_what_is_counted_is_what_lies_in_the_window(
    events: list[tuple[int, int, str]], later: int, number: int
) -> None:
    """Against all events of the past, in a window of ten seconds, with and without one that does not count itself."""

    past, most = sorted(events), 3
    now = (past[-1][0] if past else 100) + later
    own = past[number] if number < len(past) else None
    inside = [event for event in past if event[0] > now - 10]
    if own in inside:
        inside.remove(own)
    expected = {
        "count": min(len(inside), most),
        "distinct": min(len({member for _, _, member in inside}), most),
        "sum": sum(amount for _, amount, _ in inside),
    }
    for what, one in COUNTERS.items():
        kept: dict[str, Any] = {}
        for at, amount, member in past:
            kept = counted(one, kept, (at * SECOND, amount if what == "sum" else 1, member))
        mark = None if own is None else (own[0] * SECOND, own[1] if what == "sum" else 1, own[2])
        assert total(one, kept, now * SECOND, mark) == expected[what], what


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(100, 140), st.integers(0, 9)), max_size=20), st.integers(0, 45))
def test_a_full_sum_is_never_too_low_and_keeps_its_size(events: list[tuple[int, int]], later: int) -> None:
    one, kept, past = counter(sum="action.payload.n", window="10s", most=3), dict[str, Any](), sorted(events)
    for at, amount in past:
        kept = counted(one, kept, (at * SECOND, amount, ""))
        assert len(kept["at"]) <= 4
    now = (past[-1][0] if past else 100) + later
    assert total(one, kept, now * SECOND) >= sum(amount for at, amount in past if at > now - 10)


@pytest.mark.parametrize(
    ("window", "inside", "outside", "zone"),
    [
        ("today", "2026-03-04T05:00:00Z", "2026-03-04T04:59:59Z", "US/Eastern"),
        ("today", "2026-03-04T00:00:00Z", "2026-03-03T23:59:59Z", "UTC"),
        ("this_week", "2026-03-02T00:00:00Z", "2026-03-01T23:59:59Z", "UTC"),
        ("this_month", "2026-03-01T00:00:00Z", "2026-02-28T23:59:59Z", "UTC"),
    ],
)
def test_windows_of_the_calendar_begin_at_midnight_in_their_zone(
    window: str, inside: str, outside: str, zone: str
) -> None:
    one, now = counter(count="orders", window=window, timezone=zone), micros(NOON)
    for text, number in ((inside, 1), (outside, 0)):
        at = micros(datetime.fromisoformat(text))
        assert total(one, counted(one, {}, (at, 1, "")), now) == number, text
    assert one.window.end(now, one.zone) > now


def test_a_day_with_a_change_of_clocks_ends_at_midnight_all_the_same() -> None:
    one = counter(count="orders", window="today", timezone="US/Eastern")
    begin = datetime(2026, 3, 8, 5, tzinfo=UTC)  # the day on which an hour is skipped
    end = one.window.end(micros(begin), one.zone)
    assert end == micros(begin + timedelta(hours=23))


# ---- with whom an action is counted


def test_equal_values_are_counted_together_and_others_apart() -> None:
    one = counter(count="orders", by=["action.payload.n"])
    groups = [use_of(one, action(n=value)).group for value in (5, 5.0, "5", True, 1)]
    assert groups[0] == groups[1]
    assert len(set(groups)) == 4
    assert use_of(one, action(n=None)).lacks == "action.payload.n is null"
    assert use_of(one, action(n=[1])).lacks == "action.payload.n is a list"


def test_tenants_and_namespaces_are_counted_apart_unless_it_says_otherwise() -> None:
    every = [counter(count="orders", per=per) for per in ("tenant", "namespace", "everywhere")]
    groups = {one.per: use_of(one, action()).group for one in every}
    assert groups == {"tenant": ("ns", "shop"), "namespace": ("ns",), "everywhere": ()}


def test_sums_are_apart_by_currency_and_take_whole_amounts_only() -> None:
    one = counter(sum="action.payload.cart.total_cents")
    uses = [
        use_of(one, action(cart={"total_cents": 5, "currency": "EUR"}, currency="USD")),
        use_of(one, action(cart={"total_cents": 5}, currency="USD")),
        use_of(one, action(cart={"total_cents": 5})),
    ]
    assert [use.group[-1] for use in uses] == ["EUR", "USD", ""]
    odd = [
        use_of(one, action(cart={"total_cents": value})).counts
        for value in (-1, 1.5, "5", True, None, 10**13)
    ]
    assert not any(odd)


def test_an_order_may_count_itself() -> None:
    cards = counter(distinct="action.payload.card", by=[EMAIL], with_this_order=True)
    value = counter(sum="action.payload.n", with_this_order=True, name="value")
    memory = CounterMemory([cards, value])
    said = []
    for card, amount in (("1", 10), ("1", 20), ("2", 30)):
        view = action(email="a@x.com", card=card, n=amount)
        said.append(tuple(memory.found(view, NOON).values.values()))
        memory.count(view, NOON)
    assert said == [(1, 10), (1, 30), (2, 60)]


def test_only_what_its_condition_holds_of_is_counted() -> None:
    one = counter(count="orders", where={"field": "action.action_type", "eq": "refund"})
    assert not use_of(one, action()).counts
    memory = CounterMemory([one])
    memory.count(action(), NOON)
    assert memory.found(action(), NOON).values == {"n": 0}


def test_without_a_store_every_counter_is_as_if_the_action_came_first() -> None:
    one = counter(count="orders", by=[EMAIL])
    assert empty_counts([one], action(email="x")).values == {"n": 0}
    assert empty_counts([one], action()).values == {"n": MISSING}
    rules = RuleSet(1, (rule({"field": "counter.n", "lt": 1}),), counters=(one,))
    assert decide(rules, action(email="x"), NOON).verdict == "deny"
    assert decide(rules, action(), NOON).verdict == "allow"


def test_the_trace_says_since_when_a_counter_counts() -> None:
    young = counter(since="2026-03-04T11:59:30.000Z", count="orders")
    old = counter(count="orders")
    told = "counter.n counts since 2026-03-04T11:59:30.000Z, not for its whole window yet"
    for one, expected in ((young, (told,)), (old, ())):
        trace: list[Any] = []
        decide(
            RuleSet(1, (rule({"field": "counter.n", "lt": 1}),), counters=(one,)), action(), NOON, trace=trace
        )
        assert trace[0].notes == expected


# ---- how they are declared


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({}, "counter", "needs one of count: orders, distinct: <field> or sum: <field>"),
        ({"count": "cards"}, "count", "must be orders"),
        ({"count": "orders", "sum": EMAIL}, "counter", "needs one of"),
        ({"sum": "time.hour"}, "sum", "must be a field of the action"),
        ({"count": "orders", "by": "payload.email"}, "by[0]", "did you mean 'action.payload.email'?"),
        ({"count": "orders", "by": [EMAIL] * 5}, "by", "at most 4"),
        ({"count": "orders", "window": "24"}, "window", "must be a span such as 90s"),
        ({"count": "orders", "window": "daily"}, "window", "did you mean 'today'?"),
        ({"count": "orders", "window": "100d"}, "window", "at most 92d"),
        ({"count": "orders", "per": "shared"}, "per", "did you mean 'everywhere'?"),
        ({"count": "orders", "timezone": "UTC"}, "timezone", "is for today, this_week and this_month"),
        ({"count": "orders", "window": "today", "timezone": "US/Easten"}, "timezone", "unknown time zone"),
        ({"count": "orders", "window": "today", "most": 5}, "most", "has no limit"),
        ({"count": "orders", "most": 0}, "most", "from 1 to 10000"),
        (
            {"count": "orders", "where": {"field": "counter.n", "eq": 1}},
            "where",
            "may look at the action only",
        ),
        ({"count": "orders", "name": "orders of mail"}, "name", "must be letters, digits"),
        ({"count": "orders", "filter": 1}, "filter", "unknown key 'filter'"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(spec: dict[str, Any], field: str, message: str) -> None:
    found, problems = parse_counter({"name": "n", "window": "24h", **spec})
    assert found is None
    assert any(one.field == field and message in one.message for one in problems), problems


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ({"gte": "5"}, "compares numbers"),
        ({"eq": True}, "must be a number for counter.n"),
        ({"starts_with": "5"}, "works on text, but counter.n is a number"),
        ({"contains": 5}, "works on text, but counter.n is a number"),
        ({"in_list": ["1"]}, "must be a number for counter.n"),
    ],
)
def test_a_counter_is_compared_with_numbers(clause: dict[str, Any], message: str) -> None:
    spec = {"name": "r", "condition": {"field": "counter.n", **clause}, "action": {"type": "deny"}}
    assert message in parse_rule(spec)[1][0].message


def test_rules_ask_declared_counters_for_numbers_that_they_count() -> None:
    one = counter(count="orders", most=10)
    told = {
        clause: [
            problem.message for problem in counter_problems(rule({"field": path, operator: number}), [one])
        ]
        for clause, path, operator, number in (
            ("as much", "counter.n", "gte", 10),
            ("beyond", "counter.n", "gt", 10),
            ("more", "counter.n", "lt", 11),
            ("slip", "counter.m", "lt", 1),
        )
    }
    assert told["as much"] == []
    assert (
        told["beyond"] == told["more"] == ["counter.n counts up to 10 only: declare it with a higher `most`"]
    )
    assert told["slip"] == ["unknown counter 'm': declare it under counters; declared are n"]
    named = counter(name="orders-of-email", count="orders")
    (near,) = counter_problems(rule({"field": "counter.orders_of_mail", "lt": 1}), [named])
    assert near.message.endswith("did you mean 'counter.orders-of-email'?")
    day = counter(count="orders", window="today")
    assert not list(counter_problems(rule({"field": "counter.n", "gt": 10**9}), [day]))


# ---- since when they count


def content(*names: str, zone: str = "UTC") -> dict[str, Any]:
    asking = [(name, {"field": f"counter.{name}", "gte": 1}) for name in names]
    rules = [{"name": name, "condition": one, "action": {"type": "deny"}} for name, one in asking]
    return {"default_timezone": zone, "rules": rules}


def since_of(found: dict[str, Any]) -> str:
    return str(found["counters"][0].get("since", ""))


def test_a_counter_counts_on_until_it_counts_something_else() -> None:
    spec = {"name": "n", "count": "orders", "window": "today"}
    later = NOON + timedelta(days=1)
    first = with_counters(content("n"), [spec], (), {}, NOON)
    begun = "2026-03-04T12:00:00.000Z"
    assert since_of(first) == begun
    again = {"description": "new words", "with_this_order": True}
    assert since_of(with_counters(content("n"), [spec | again], (), first, later)) == begun
    for change, zone in (({"by": [EMAIL]}, "UTC"), ({}, "US/Eastern")):
        found = with_counters(content("n", zone=zone), [spec | change], (), first, later)
        assert since_of(found) == "2026-03-05T12:00:00.000Z"
    assert since_of(with_counters(content(), [spec], (), first, later)) == ""  # no rule asks it
    assert since_of(with_counters(content(), [spec], content("n")["rules"], first, later)) == begun
    assert since_of(with_counters(content("n"), [spec | {"window": "24h"}], (), first)) == ""  # a draft
    assert "counters" not in with_counters(content("n"), [], (), first, later)


# ---- checking


def findings(*rules: Any) -> list[str]:

    declared = counter(count="orders", by=[EMAIL])
    found = check_rules(Question(rules, NOON, counters=(declared,)))
    return [one.id for one in found if one.id != "missing-catch-all"]


def test_the_check_takes_a_counter_for_any_number_from_nought() -> None:
    below = {"all": [{"field": "counter.n", "lt": 0}, {"field": EMAIL, "eq": "x"}]}
    assert "never-holds" in findings(rule(below))
    assert "never-holds" in findings(
        rule({"all": [{"field": "counter.n", "gte": 3}, {"field": "counter.n", "lt": 3}]})
    )
    assert findings(rule({"field": "counter.n", "gte": 3})) == []
    assert findings(rule({"field": "counter.n", "gte": 0})) == []  # it may be missing
    assert findings(rule({"field": "counter.other", "gte": 3})) == ["unknown-name"]
