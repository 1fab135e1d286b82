"""What the check says of all actions, sought to be refuted with random ones and the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules_app.checking import Domain, Finding, Question, Schema, check_rules
from rules_app.checking.examples import example_of
from rules_app.checking.ground import ground_of
from rules_app.checking.literals import Key, literal_of
from rules_app.checking.values import NOTHING, SOMETHING, find_value
from rules_app.engine import ActionView, Cleared, RuleSet, decide
from rules_app.engine.conditions import parse_condition
from rules_app.engine.scope import MISSING, Scope
from tests.depth import examples
from tests.rules_app.shop import rule_of

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
seeds = st.integers(0, 2**32)
NAMES = ("place_order", "refund", "shop-1", "shop-2")
TEXTS = ("", "US", "KP", "usd", "USD", "gold", "U", "D", "SD", "5", "a@b.c", "US\x01")
NUMBERS = (0, 1, 2, 4.5, 5, 5.0, 6, -1, 50_000, 10**18, 10**18 + 1, 2.5, 1e300)
names, texts, numbers = st.sampled_from(NAMES), st.sampled_from(TEXTS), st.sampled_from(NUMBERS)
scalars = texts | numbers | st.booleans()
paths = st.sampled_from(["a", "b", "c.b", "total"]).map(lambda name: f"action.payload.{name}")
operands: dict[str, Any] = {
    **dict.fromkeys(("eq", "ne"), scalars),
    **dict.fromkeys(("gt", "gte", "lt", "lte"), numbers | st.sampled_from(["US", "KP", "usd", "gold"])),
    **dict.fromkeys(
        ("in_list", "not_in_list"),
        st.lists(texts.filter(bool), min_size=1, max_size=3) | st.lists(numbers, min_size=1, max_size=3),
    ),
    **dict.fromkeys(("contains", "not_contains"), scalars.filter(lambda one: one != "")),
    **dict.fromkeys(("starts_with", "ends_with"), texts.filter(bool)),
    "matches": st.sampled_from(["^[A-Z]{2}$", "S", "^$"]),
    **dict.fromkeys(("exists", "is_null"), st.booleans()),
}


@st.composite
def payload_clauses(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(sorted(operands)))
    return {"field": draw(paths), operator: draw(operands[operator])}


hours = st.builds(
    lambda operator, hour: {"field": "time.hour", operator: hour},
    st.sampled_from(["eq", "gte", "lt"]),
    st.integers(0, 23),
)
clocks = st.builds(
    lambda operator, at: {"field": "time.clock", operator: at},
    st.sampled_from(["gte", "lt"]),
    st.sampled_from(["00:00", "09:30", "17:00", "23:59"]),
)
facts = st.builds(
    lambda name, operator, value: {"field": f"action.{name}", operator: value},
    st.sampled_from(["action_type", "tenant", "namespace", "status"]),
    st.sampled_from(["eq", "ne"]),
    names,
)
clauses = st.one_of(payload_clauses(), payload_clauses(), facts, hours, clocks)
conditions = st.recursive(
    clauses,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda many: {"all": many}),
        st.lists(inner, min_size=1, max_size=3).map(lambda many: {"any": many}),
        inner.map(lambda one: {"not": one}),
    ),
    max_leaves=5,
)
doings = st.sampled_from(
    [
        {"type": "deny"},
        {"type": "deny"},
        {"type": "allow"},
        {"type": "suppress"},
        {"type": "chain", "chain": "c"},
        {"type": "schedule", "delay_seconds": 60},
        {"type": "deduplicate", "ttl_seconds": 60},
        {"type": "throttle", "max_count": 5, "window_seconds": 60},
        {"type": "modify", "changes": {"a": "US"}},
        {"type": "modify", "changes": {"c": {"b": 5}, "total": None}},
    ]
)
rules = st.lists(
    st.fixed_dictionaries(
        {"condition": conditions, "action": doings, "priority": st.integers(0, 2)},
        optional={"namespace": names, "tenant": names, "timezone": st.sampled_from(["UTC", "US/Eastern"])},
    ),
    min_size=1,
    max_size=6,
)


@st.composite
def related(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rules whose conditions are made of a few shared clauses, so that many stand in each other's way."""
    pool = draw(st.lists(clauses, min_size=2, max_size=3))
    some_of = st.lists(st.sampled_from(pool), min_size=1, max_size=3)
    shared = st.one_of(
        st.sampled_from(pool),
        some_of.map(lambda many: {"all": many}),
        some_of.map(lambda many: {"any": many}),
        st.sampled_from(pool).map(lambda one: {"not": one}),
    )
    kinds = st.sampled_from([{"type": "deny"}, {"type": "schedule", "delay_seconds": 60}]) | doings
    one = st.fixed_dictionaries({"condition": shared, "action": kinds, "priority": st.integers(0, 2)})
    return draw(st.lists(one, min_size=2, max_size=5))


SCHEMA = Schema(
    "orders",
    "place_order",
    fields={
        "total": Domain(frozenset(("integer",)), 0, 50_000),
        "a": Domain(
            frozenset(("text", "missing", "null")),
            accepts=lambda one: one is None or one is MISSING or one == str(one).upper(),
        ),
    },
)


def some(seed: int, number: int, *, typed: bool = False) -> Iterator[tuple[ActionView, datetime]]:
    """Random actions and moments; `typed` ones keep what SCHEMA declares, as dispatch sees to."""
    rng = Random(seed)
    for _ in range(number):
        payload = {name: value for name in ("a", "b", "c", "total") if (value := _value(rng)) is not MISSING}
        facts = {name: rng.choice(NAMES) for name in ("namespace", "tenant", "provider", "action_type")}
        if typed and facts["action_type"] == "place_order":
            payload |= {
                "total": rng.choice((0, 1, 5, 6, 49_999, 50_000)),
                "a": rng.choice(("", "US", "USD", None)),
            }
        action = ActionView(payload=payload, status=rng.choice((None, *NAMES)), **facts)
        yield action, NOW + timedelta(minutes=rng.randrange(366 * 24 * 60))


def _value(rng: Random) -> Any:
    kind = rng.randrange(9)
    if kind < 5:
        return rng.choice(rng.choice((TEXTS, NUMBERS)))
    if kind == 5:
        return [rng.choice((*TEXTS, *NUMBERS, True)) for _ in range(rng.randrange(3))]
    return rng.choice((MISSING, None, True, False, {}, {"b": rng.choice((*TEXTS, *NUMBERS))}))


def reached(rule_set: RuleSet, action: ActionView, at: datetime) -> set[str]:
    """The rules that have a say in it, now or after a release."""
    holds = [
        Cleared(rule.name, rule.action.type) for rule in rule_set.rules if rule.action.type == "schedule"
    ]
    found: set[str] = set()
    for cleared in ([], holds, holds[:1]):
        plan = decide(rule_set, action, at, cleared=cleared)
        found |= {rule.name for rule in plan.gates} | set(plan.modified_by)
        found |= {plan.rule.name} if plan.rule else set()
    return found


def never_reached(findings: list[Finding]) -> set[str]:
    sayings = ("is reached by nothing", "never matches")
    return {one.rule for one in findings if one.message.startswith(sayings)}


def checked(specs: list[dict[str, Any]], *schemas: Schema) -> tuple[RuleSet, list[Finding]]:
    parsed = tuple(rule_of(f"r{number}", **spec) for number, spec in enumerate(specs))
    return RuleSet(1, parsed), check_rules(Question(parsed, NOW, schemas=schemas))


@settings(max_examples=examples(60), deadline=None)
@given(specs=related(), seed=seeds)
def test_no_action_reaches_a_rule_that_is_called_unreachable_nor_matches_one_that_never_holds(
    specs: list[dict[str, Any]], seed: int
) -> None:
    rule_set, found = checked(specs)
    never = never_reached(found)
    for action, at in some(seed, 100) if never else ():
        assert not never & reached(rule_set, action, at)


@settings(max_examples=examples(60), deadline=None)
@given(specs=related(), seed=seeds)
def test_what_a_lifecycle_declares_holds_of_every_order_that_keeps_it(
    specs: list[dict[str, Any]], seed: int
) -> None:
    unchanging = [spec for spec in specs if spec["action"]["type"] != "modify"]
    rule_set, found = checked(unchanging, SCHEMA)
    never = never_reached(found)
    for action, at in some(seed, 100, typed=True) if never else ():
        assert not never & reached(rule_set, action, at)


@settings(max_examples=examples(50), deadline=None)
@given(condition=conditions, seed=seeds)
def test_what_always_holds_holds_of_every_action_and_what_never_holds_of_none(
    condition: dict[str, Any], seed: int
) -> None:
    rule_set, found = checked([{"condition": condition}])
    (rule,) = rule_set.rules
    whole = {one.id for one in found if one.field == "condition"}
    for action, at in some(seed, 30):
        held = rule.condition.test(Scope(action, at, rule_set.zone))
        assert not (held and "never-holds" in whole)
        assert held or "always-holds" not in whole


@settings(max_examples=examples(50), deadline=None)
@given(
    asked=st.lists(payload_clauses(), min_size=1, max_size=4),
    signs=st.lists(st.booleans(), min_size=4, max_size=4),
    seed=seeds,
)
def test_where_no_value_is_found_none_fits_and_a_value_that_is_found_fits(
    asked: list[dict[str, Any]], signs: list[bool], seed: int
) -> None:
    leaves = [one.leaf for spec in asked if (one := parse_condition(spec, "c", []))]
    literals = frozenset(
        literal_of(leaf, Key("x"), positive=sign) for leaf, sign in zip(leaves, signs, strict=False) if leaf
    )
    found, rng = find_value(Domain(), literals), Random(seed)
    if found is NOTHING:
        assert not [
            value for value in (_value(rng) for _ in range(50)) if all(one.holds(value) for one in literals)
        ]
    elif found is not SOMETHING:
        assert all(one.holds(found) for one in literals)


@settings(max_examples=examples(30), deadline=None)
@given(specs=rules, seed=seeds)
def test_the_alternatives_of_a_condition_hold_exactly_where_it_does(
    specs: list[dict[str, Any]], seed: int
) -> None:
    ground = ground_of(Question(tuple(rule_of(f"r{n}", **spec) for n, spec in enumerate(specs)), NOW))
    for (action, at), placed in product(some(seed, 10), ground.placed):
        scope = Scope(action, at, placed.rule.zone or ground.rule_set.zone)
        facts = {leaf.field.path: leaf.field.get(scope) for leaf in placed.rule.condition.leaves()}
        facts |= {"action.namespace": action.namespace, "action.tenant": action.tenant}
        holds = placed.rule.covers(action) and placed.rule.condition.test(scope)
        if placed.terms is not None:
            assert holds == any(all(one.holds(facts[one.key.path]) for one in term) for term in placed.terms)


@settings(max_examples=examples(30), deadline=None)
@given(specs=rules)
def test_an_example_of_a_term_meets_the_rule_where_no_modify_stands_above(
    specs: list[dict[str, Any]],
) -> None:
    plain = [spec for spec in specs if spec["action"]["type"] != "modify"]
    ground = ground_of(Question(tuple(rule_of(f"r{n}", **spec) for n, spec in enumerate(plain)), NOW))
    for placed in ground.placed:
        for term in placed.terms or ():
            shown = example_of(term, ground)
            if shown and "action.payload.c.b" not in placed.rule.condition.fields():
                assert placed.rule.condition.test(
                    Scope(shown.action, shown.at, placed.rule.zone or ground.rule_set.zone)
                )
