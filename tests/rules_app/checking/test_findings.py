"""Each kind of finding: a set that has it, and one close to it that has not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rules_app.checking import (
    Domain,
    Finding,
    Names,
    Question,
    Schema,
    Seen,
    check_rules,
    literals,
    space,
    values,
)
from rules_app.checking.kinds.clocks import changes_ahead
from rules_app.checking.kinds.registry import MEANINGS
from rules_app.engine import ActionView, decide, zone_of
from tests.rules_app.shop import PLACES_ORDER, rule_of, rule_set

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ORDERS = Schema(
    "orders",
    "place_order",
    fields={
        "total_cents": Domain(frozenset(("integer",)), 0, 10**12),
        "shipping_country": Domain(
            frozenset(("text",)), accepts=lambda one: isinstance(one, str) and one.isupper() and len(one) == 2
        ),
        "note": Domain(frozenset(("text", "missing", "null"))),
    },
    names=True,
)
CATCH_ALL = {
    "name": "z-rest",
    "priority": 900,
    "condition": {"field": "action.namespace", "exists": True},
    "action": {"type": "suppress"},
}
ALLOW, DENY = {"type": "allow"}, {"type": "deny"}
APPROVE = {"type": "request_approval", "notify_provider": "mail", "timeout_seconds": 3600}
DEDUP = {"type": "deduplicate", "ttl_seconds": 300}
Spec = dict[str, Any]


def f(path: str, **clause: Any) -> Spec:
    return {"field": path, **clause}


def p(name: str, **clause: Any) -> Spec:
    return f(f"action.payload.{name}", **clause)


def every(*clauses: Spec) -> Spec:
    return {"all": [PLACES_ORDER, *clauses]}


def r(name: str, condition: Spec, action: Spec, **more: Any) -> Spec:
    return {"name": name, "condition": condition, "action": action, **more}


def throttle(count: int, seconds: int) -> Spec:
    return {"type": "throttle", "max_count": count, "window_seconds": seconds}


def found(*specs: Spec, catch_all: bool = True, **question: Any) -> list[Finding]:
    rules = [rule_of(**spec) for spec in (*specs, *([CATCH_ALL] if catch_all else []))]
    given = {"schemas": (ORDERS,), "now": NOW, **question}
    return check_rules(Question(rules, **given))


def ids(*specs: Spec, **question: Any) -> list[str]:
    return [one.id for one in found(*specs, **question)]


LITTLE = p("total_cents", lt=10)
TAKEN_TIER = {"type": "modify", "changes": {"tier": "gold"}}
TAKEN_OTHER = {"type": "modify", "changes": {"other": 1}}
KOREA = p("shipping_country", eq="KP")
SLOW = {"type": "schedule", "delay_seconds": 9}
GOLD, SILVER = p("tier", eq="gold"), p("tier", eq="silver")
BIG = p("total_cents", gte=50_000)
# id → what has it, and what is close to it and has not.
SETS: dict[str, list[tuple[list[Spec], list[Spec]]]] = {
    "never-holds": [
        (
            [r("a", every(p("n", gte=5), p("n", lt=5)), DENY)],
            [r("a", every(p("n", gte=5), p("n", lte=5)), DENY)],
        ),
        (
            [r("a", every(p("tag", starts_with="ab"), p("tag", starts_with="b")), DENY)],
            [r("a", every(p("tag", starts_with="ab"), p("tag", starts_with="a")), DENY)],
        ),
        ([r("a", every(f("action.action_type", eq="refund")), DENY)], [r("a", every(), DENY)]),
        (
            [r("a", every(f("action.tenant", eq="x")), DENY, tenant="y")],
            [r("a", every(f("action.tenant", eq="x")), DENY, tenant="x")],
        ),
        (
            [r("a", every({"not": p("n", is_null=False)}, p("n", gt=1)), DENY)],
            [r("a", every(p("n", is_null=False), p("n", gt=1)), DENY)],
        ),
        (
            [r("a", every(p("n", eq=1), {"any": [p("n", eq=2), p("m", eq=2)]}), DENY)],
            [r("a", every(p("n", eq=1), {"any": [p("k", eq=2), p("m", eq=2)]}), DENY)],
        ),
        (
            [r("a", every(p("shipping_country", in_list=["KP", "ir"])), DENY)],
            [r("a", every(p("shipping_country", in_list=["KP", "IR"])), DENY)],
        ),
        ([r("a", every(p("total_cents", gt=10**13)), DENY)], [r("a", every(p("total_cents", gt=10**11)), DENY)]),
    ],
    "grouped-order": [
        (
            [r("a", every(), {"type": "group", "group_by": []})],
            [r("a", f("action.action_type", eq="stock_low"), {"type": "group", "group_by": []})],
        ),
    ],
    "always-holds": [
        (
            [r("a", every({"any": [p("tier", ne="gold"), p("tier", ne="silver")]}), DENY)],
            [r("a", every({"any": [p("tier", eq="gold"), p("tier", eq="silver")]}), DENY)],
        ),
        (
            [r("a", every({"any": [f("time.hour", lt=9), f("time.hour", gte=9)]}), DENY)],
            [r("a", every({"any": [f("time.hour", lt=9), f("time.hour", gt=9)]}), DENY)],
        ),
        ([r("a", every(f("time.hour", lte=23)), DENY)], [r("a", every(f("time.hour", lte=22)), DENY)]),
    ],
    "type-mismatch": [
        ([r("a", every(p("total_cents", eq="5")), DENY)], [r("a", every(p("total_cents", eq=5)), DENY)]),
        (
            [r("a", every(p("total_cents", starts_with="5")), DENY)],
            [r("a", every(p("note", starts_with="5")), DENY)],
        ),
        ([r("a", every(p("note", gte=5)), DENY)], [r("a", every(p("note", eq="five")), DENY)]),
        # An action of another type may well have text there.
        (
            [r("a", every(p("total_cents", not_in_list=["x"])), DENY)],
            [r("a", p("total_cents", not_in_list=["x"]), DENY)],
        ),
    ],
    "field-never-seen": [
        ([r("a", every(p("total_cent", gte=5)), DENY)], [r("a", every(p("total_weight", gte=5)), DENY)]),
        ([r("a", every(p("Note", eq="x")), DENY)], [r("a", every(p("note", eq="x")), DENY)]),
    ],
    "unreachable": [
        ([r("a", PLACES_ORDER, DENY, priority=1), r("b", every(BIG), APPROVE, priority=2)],
         [r("a", PLACES_ORDER, APPROVE, priority=1), r("b", every(BIG), DENY, priority=2)]),
        ([r("a", every(p("total_cents", gte=100)), DENY, priority=1), r("b", every(BIG), APPROVE, priority=2)],
         [r("a", every(p("total_cents", gte=50_001)), DENY, priority=1), r("b", every(BIG), APPROVE, priority=2)]),
        # Two that together take all: an integer is below 10 or at least 10.
        ([r("a", every(LITTLE), DENY, priority=1), r("b", every(p("total_cents", gt=9)), DENY, priority=2),
          r("c", every(GOLD), APPROVE, priority=3)],
         [r("a", every(LITTLE), DENY, priority=1), r("b", every(p("total_cents", gt=10)), DENY, priority=2),
          r("c", every(GOLD), APPROVE, priority=3)]),
        # What is true above a modify need not be true below it.
        ([r("a", every(GOLD), DENY, priority=1), r("m", PLACES_ORDER, TAKEN_OTHER, priority=2),
          r("b", every(GOLD), APPROVE, priority=3)],
         [r("a", every(GOLD), DENY, priority=1), r("m", PLACES_ORDER, TAKEN_TIER, priority=2),
          r("b", every(GOLD), APPROVE, priority=3)]),
        # A gate that claims everything leaves a catch-all nothing.
        ([r("a", f("action.action_type", exists=True), throttle(5, 60), priority=1)],
         [r("a", f("action.id", exists=True), throttle(5, 60), priority=1)]),
    ],
    "gate-without-effect": [
        ([r("a", PLACES_ORDER, ALLOW, priority=1), r("b", every(GOLD), throttle(5, 60), priority=2)],
         [r("a", every(SILVER), ALLOW, priority=1), r("b", every(GOLD), throttle(5, 60), priority=2)]),
        ([r("a", every(GOLD), DEDUP, priority=1), r("b", PLACES_ORDER, DENY, priority=2)],
         [r("a", every(GOLD), DEDUP, priority=1), r("b", every(SILVER), DENY, priority=2)]),
        ([r("a", PLACES_ORDER, DEDUP, priority=1), r("b", every(GOLD), {**DEDUP, "ttl_seconds": 9}, priority=2)],
         [r("a", every(GOLD), DEDUP, priority=1), r("b", PLACES_ORDER, {**DEDUP, "ttl_seconds": 9}, priority=2)]),
        ([r("a", PLACES_ORDER, throttle(5, 60), priority=1), r("b", every(GOLD), throttle(6, 30), priority=2)],
         [r("a", PLACES_ORDER, throttle(5, 60), priority=1), r("b", every(GOLD), throttle(4, 60), priority=2)]),
    ],
    "equal-priority": [
        ([r("a", every(GOLD), ALLOW, priority=1), r("b", every(BIG), DENY, priority=1)],
         [r("a", every(GOLD), ALLOW, priority=1), r("b", every(SILVER), DENY, priority=1)]),
        ([r("a", every(GOLD), APPROVE, priority=1), r("b", every(BIG), DENY, priority=1)],
         [r("a", every(GOLD), APPROVE, priority=1), r("b", every(BIG), SLOW, priority=1)]),
    ],
    "deny-walked-past": [
        ([r("a", every(GOLD), ALLOW, priority=1), r("b", every(KOREA), DENY, priority=2)],
         [r("a", every(GOLD, KOREA), ALLOW, priority=1),
          r("b", every(KOREA), DENY, priority=2)]),
    ],
}  # fmt: skip
CASES = [(name, bad, near) for name, pairs in SETS.items() for bad, near in pairs]


@pytest.mark.parametrize(("name", "bad", "near"), CASES)
def test_a_set_with_it_is_told_and_one_close_to_it_is_not(
    name: str, bad: list[Spec], near: list[Spec]
) -> None:
    assert set(ids(*bad)) == {name}
    assert ids(*near) == []


@pytest.mark.parametrize(("name", "bad", "near"), CASES)
def test_every_finding_says_where_and_what_to_do_and_of_which_kind_it_is(
    name: str, bad: list[Spec], near: list[Spec]
) -> None:
    for one in found(*bad):
        assert one.id in MEANINGS
        assert one.message
        assert one.advice
        assert one.rule in {spec["name"] for spec in (*bad, CATCH_ALL)}


def test_the_rule_above_that_takes_everything_is_named_with_an_example() -> None:
    bad, _ = SETS["unreachable"][1]
    (one,) = found(*bad)
    assert (
        one.message == 'is reached by nothing: rule "a" above it ends the search for all that it would match'
    )
    assert one.example is not None
    action = {key: value for key, value in one.example.items() if key != "at"}
    rules = rule_set(*bad)
    decided = decide(rules, ActionView(**action), NOW).rule
    assert decided is not None
    assert decided.name == "a"
    assert action["payload"]["total_cents"] >= 50_000


def test_two_that_take_everything_only_together_are_both_named() -> None:
    bad, _ = SETS["unreachable"][2]
    (one,) = found(*bad)
    assert '"a", "b" above it together end' in one.message


def test_a_disabled_rule_is_not_looked_at() -> None:
    bad, _ = SETS["never-holds"][0]
    assert ids({**bad[0], "enabled": False}) == []


def test_an_unknown_provider_or_chain_is_told_with_the_one_meant() -> None:
    rules = [r("a", every(BIG), APPROVE), r("b", every(GOLD), {"type": "chain", "chain": "procesing"})]
    known = Names(frozenset(("mail",)), frozenset(("processing",)))
    (one,) = [one for one in found(*rules, names=known, schemas=()) if one.id == "unknown-name"]
    assert (one.rule, one.field) == ("b", "action.chain")
    assert "did you mean processing?" in one.message
    assert "unknown-name" not in ids(*rules)


def test_a_namespace_without_a_rule_for_the_rest_is_told() -> None:
    closed = r("z", f("action.namespace", eq="shop"), {"type": "suppress"}, priority=100)
    one_tenant = r("z", f("action.tenant", eq="acme"), {"type": "suppress"}, priority=100)
    in_shop = r("a", every(f("action.namespace", eq="shop"), GOLD), DENY)
    assert ids(in_shop, catch_all=False) == ids(in_shop, one_tenant, catch_all=False) == ["missing-catch-all"]
    assert ids(in_shop, closed, catch_all=False) == ids(in_shop) == []


def test_a_hold_that_outlasts_what_remembers_its_action_is_told_where_no_lifecycle_does() -> None:
    day, two = 86_400, 2 * 86_400
    dedup = r("d", PLACES_ORDER, DEDUP, priority=9)
    hour = r("a", every(BIG), APPROVE, priority=1)
    long = r("a", every(BIG), {**APPROVE, "timeout_seconds": two}, priority=1)
    short = r("a", every(BIG), {**APPROVE, "timeout_seconds": 300}, priority=1)
    assert set(ids(hour, dedup, schemas=())) == {"hold-outlasts-window"}
    assert ids(long, schemas=()) == ["hold-outlasts-window"]
    assert ids(short, dedup, schemas=()) == ids(long, dedup) == []
    assert ids({**long, "action": {**APPROVE, "timeout_seconds": day}}, schemas=()) == []


def test_an_amount_without_its_currency_is_told_where_orders_come_in_several() -> None:
    rule, seen = r("a", every(BIG), APPROVE), Seen(50, frozenset(("total_cents",)), frozenset(("USD", "JPY")))
    assert ids(rule, seen=seen) == ["amount-without-currency"]
    assert ids(rule, seen=Seen(currencies=frozenset(("USD",)))) == []


def test_a_field_that_no_action_seen_has_is_told_once_enough_were_seen() -> None:
    rule = r("a", every(p("items.0.colour", eq="red")), DENY)
    seen = frozenset(("items.*.colour",))
    assert ids(rule, seen=Seen(500, frozenset(("total_cents",)))) == ["field-never-seen"]
    assert ids(rule, seen=Seen(5)) == ids(rule, seen=Seen(500, seen)) == []


CLOCKS = [
    ("America/New_York", f("time.hour", eq=2), "does not happen"),
    (
        "America/New_York",
        {"all": [f("time.clock", gte="02:10"), f("time.clock", lt="02:50")]},
        "does not happen",
    ),
    ("America/New_York", f("time.hour", eq=1), "happens twice"),
    ("America/New_York", {"all": [f("time.clock", gte="01:30"), f("time.clock", lt="06:00")]}, "on and off"),
    ("Europe/London", f("time.hour", eq=1), "does not happen"),
]
PLAIN_CLOCKS = [
    ("America/New_York", f("time.hour", eq=3)),
    ("America/New_York", {"any": [f("time.hour", lt=9), f("time.hour", gte=17)]}),
    ("America/New_York", f("time.hour", lt=2)),
    ("UTC", f("time.hour", eq=2)),
    ("Asia/Tokyo", f("time.hour", eq=2)),
]


@pytest.mark.parametrize(("zone", "clause", "told"), CLOCKS)
def test_an_hour_that_clocks_skip_or_repeat_is_told(zone: str, clause: Spec, told: str) -> None:
    rules = r("a", every(clause), DENY, timezone=zone)
    clock = [one for one in found(rules) if one.id == "clock-change"]
    assert any(told in one.message for one in clock)


@pytest.mark.parametrize(("zone", "clause"), PLAIN_CLOCKS)
def test_other_hours_are_not(zone: str, clause: Spec) -> None:
    assert ids(r("a", every(clause), DENY, timezone=zone)) == []


def test_the_changes_of_a_year_are_those_of_the_zone() -> None:
    zone = zone_of("America/New_York")
    assert zone
    changes = list(changes_ahead(zone, NOW))
    assert [(str(one.day), one.begin, one.end, one.skipped) for one in changes] == [
        ("2027-03-14", 120, 180, True),
        ("2027-11-07", 60, 120, False),
    ]
    half = zone_of("Australia/Lord_Howe")
    assert half
    assert [(one.begin, one.end, one.skipped) for one in changes_ahead(half, NOW)] == [
        (90, 120, False),
        (120, 150, True),
    ]


@pytest.mark.parametrize(
    "clause",
    [
        f("time.date", gte="9999-12-31"),
        f("time.date", lt="0001-01-02"),
        f("time.year", gt=9998),
        f("time.timestamp", gte=253_370_764_800),
        p("n", gte=10**400),
        p("n", lt=-1.7e308),
        p("t", starts_with="\U0010ffff"),
    ],
)
def test_nothing_that_a_rule_may_say_makes_the_check_fail(clause: Spec) -> None:
    for action in (DENY, ALLOW, APPROVE):
        found(
            r("a", every(clause), action, priority=1),
            r("b", every(GOLD), DENY, priority=1),
            r("c", clause, ALLOW),
        )


def test_of_an_operator_that_the_check_does_not_know_nothing_is_claimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, _ = SETS["never-holds"][0]
    monkeypatch.setattr(literals, "KNOWN", literals.KNOWN - {"gte"})
    monkeypatch.setattr(values, "KNOWN", values.KNOWN - {"gte"})
    monkeypatch.setattr(space, "KNOWN", space.KNOWN - {"gte"})
    assert ids(*bad) == []


def test_a_condition_with_too_many_alternatives_is_passed_over_in_silence() -> None:
    wide = [{"any": [p(f"x{n}_{m}", eq=1) for m in range(4)]} for n in range(8)]
    assert ids(r("a", every(*wide, p("n", eq=1), p("n", eq=2)), DENY)) in ([], ["never-holds"])
    assert ids(r("a", every(*wide), DENY), r("b", every(*wide), APPROVE, priority=200)) == []


RELATIONS = {"unreachable", "gate-without-effect", "equal-priority", "deny-walked-past"}


def told(specs: list[Spec]) -> set[tuple[str, str, str]]:
    return {(one.id, one.rule, one.message) for one in found(*specs) if one.rule}


@pytest.mark.parametrize("id_", sorted(RELATIONS))
def test_rules_in_shadow_hide_nothing_of_the_others_and_cover_nothing(id_: str) -> None:
    for pair in SETS[id_]:
        for specs in pair:
            twins = [{**spec, "name": f"0-{spec['name']}", "shadow": True} for spec in specs]
            live = {one for one in told([*twins, *specs]) if not one[1].startswith("0-")}
            assert live == told(specs)
            assert not {one[0] for one in told(twins)} & RELATIONS


@pytest.mark.parametrize("share", [{"shadow": True}, {"rollout": {"percent": 99}}])
def test_what_is_in_shadow_or_for_a_share_takes_nothing_from_what_stands_below(share: Spec) -> None:
    above, below = r("a", every(), DENY, priority=1), r("b", every(BIG), DENY, priority=2)
    assert "unreachable" in ids(above, below)
    assert "unreachable" not in ids({**above, **share}, below)
    assert "unreachable" in ids({**above, "rollout": {"percent": 100}}, below)
    assert "unreachable" in ids(above, {**below, **share})
    gate = r("c", every(), DEDUP, priority=0)
    assert "gate-without-effect" in ids(gate, above)
    assert "gate-without-effect" not in ids(gate, {**above, **share})
    assert [one.id for one in found({**CATCH_ALL, **share}, catch_all=False)] == ["missing-catch-all"]
