"""Reading chains: what the guide writes is understood, what is wrong is named with its field."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains_app.definitions import (
    NO_RETRY,
    Branch,
    Compensate,
    Retry,
    check_definition,
    check_recursion,
    delay_ms,
    parse_definition,
    to_spec,
)
from chains_app.definitions.graph import find_cycle
from chains_app.definitions.retry import MAX_DELAY_MS

ORDER_PROCESSING: dict[str, Any] = {
    "name": "order-processing",
    "timeout_seconds": 120,
    "trigger": {"action_type": "place_order"},
    "steps": [
        {
            "name": "validate",
            "provider": "payment-gateway",
            "action_type": "validate_order",
            "payload_template": {"order_id": "{{origin.payload.order_id}}"},
            "branches": [{"field": "body.logged", "operator": "eq", "value": True, "target": "charge"}],
        },
        {"name": "fraud-review-step", "sub_chain": "fraud-review"},
        {
            "name": "charge",
            "provider": "payment-gateway",
            "action_type": "charge_card",
            "compensate": {"provider": "payment-gateway", "action_type": "refund"},
            "retry": {"max_retries": 3, "strategy": "linear"},
        },
        {"name": "fulfill", "provider": "warehouse", "action_type": "ship", "point_of_no_return": True},
        {"name": "notify", "provider": "email-service", "action_type": "mail", "on_failure": "skip"},
    ],
}


def fields_of(spec: Any) -> list[str]:
    definition, problems = parse_definition(spec)
    assert definition is None
    return [problem.field for problem in problems]


def message_of(spec: Any, field: str) -> str:
    return next(p.message for p in parse_definition(spec)[1] if p.field == field)


def chain(*steps: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"name": "c", "steps": list(steps), **keys}


def step(name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "provider": "p", "action_type": "t", **keys}


def test_the_guides_chain_is_read_with_its_branch_sub_chain_and_defaults() -> None:
    definition, problems = parse_definition(ORDER_PROCESSING)
    assert problems == []
    assert definition is not None
    assert [item.kind for item in definition.steps] == [
        "provider",
        "sub_chain",
        "provider",
        "provider",
        "provider",
    ]
    validate, review, charge, fulfill, notify = definition.steps
    assert validate.branches == (Branch("body.logged", "eq", True, "charge"),)
    assert definition.next_name(validate) == "fraud-review-step"
    assert definition.next_name(review) == "charge"
    assert definition.next_name(notify) is None
    assert charge.retry == Retry(3, 1000, "linear", 0)
    assert charge.compensate == Compensate("payment-gateway", "refund", {})
    assert (validate.retry, validate.on_fallback, validate.on_unknown) == (NO_RETRY, "park", "repeat")
    assert fulfill.point_of_no_return
    assert definition.trigger is not None
    assert (definition.trigger.namespace, definition.trigger.tenant) == ("*", "*")
    assert definition.providers == {"payment-gateway", "warehouse", "email-service"}
    assert definition.sub_chains == {"fraud-review"}


def test_a_definition_written_back_reads_as_the_same() -> None:
    definition, _ = parse_definition(ORDER_PROCESSING)
    assert definition is not None
    spec = to_spec(definition)
    assert parse_definition(spec) == (definition, [])
    assert spec["steps"][1] == {"name": "fraud-review-step", "sub_chain": "fraud-review"}


def test_every_key_of_a_step_survives_writing_back() -> None:
    full = chain(
        step(
            "a",
            payload_template={"x": ["{{origin.payload.y}}", 1, None, True]},
            branches=[
                {"field": "success", "operator": "eq", "value": False, "target": "b"},
                {"field": "body.x", "operator": "exists", "target": "b"},
                {"field": "body.x", "operator": "eq", "value": None, "target": "end"},
            ],
            default_next="b",
            on_failure="dlq",
            delay_seconds=1.5,
            retry={"max_retries": 0, "backoff_ms": 5, "jitter_ms": 2, "strategy": "fixed"},
            compensate={"provider": "p", "action_type": "undo", "payload_template": {"z": 1}},
            on_fallback="accept",
            on_unknown="park",
            transition_to="confirmed",
        ),
        step("b", point_of_no_return=True),
        on_failure="abort_no_dlq",
        on_cancel={"provider": "p", "action_type": "told"},
        trigger={"action_type": "t", "namespace": "n", "tenant": "x"},
        description="all of it",
    )
    definition, problems = parse_definition(full)
    assert problems == []
    assert definition is not None
    written = to_spec(definition)
    assert parse_definition(written) == (definition, [])
    assert written["steps"][0]["branches"] == full["steps"][0]["branches"]


def test_timer_signal_and_parallel_are_read_in_full_and_written_back() -> None:
    spec = chain(
        {"name": "wait", "timer": {"seconds": 30}},
        {"name": "ask", "wait_for_signal": {"signal": "go", "timeout_seconds": 60}},
        {"name": "both", "parallel": {"steps": [step("x"), step("y")], "join": "any", "max_concurrency": 2}},
    )
    definition, problems = parse_definition(spec)
    assert problems == []
    assert definition is not None
    assert parse_definition(to_spec(definition)) == (definition, [])


def test_default_next_below_the_last_branch_is_the_steps_as_the_guides_toml_writes_it() -> None:
    branch = {"field": "body.in_stock", "operator": "eq", "value": True, "target": "fulfill"}
    spec = chain(
        step("check", branches=[{**branch, "default_next": "backorder"}]),
        step("fulfill", default_next="end"),
        step("backorder"),
    )
    definition, problems = parse_definition(spec)
    assert problems == []
    assert definition is not None
    assert definition.steps[0].default_next == "backorder"
    assert definition.next_name(definition.step("fulfill")) is None


def test_end_is_an_ordinary_name_where_a_step_has_it() -> None:
    definition, _ = parse_definition(chain(step("a", default_next="end"), step("b"), step("end")))
    assert definition is None  # nothing leads to b
    definition, _ = parse_definition(chain(step("a", default_next="end"), step("end")))
    assert definition is not None
    assert definition.next_name(definition.step("a")) == "end"


def test_empty_texts_beside_a_sub_chain_are_absent_as_client_libraries_send_them() -> None:
    spec = chain(
        {"name": "s", "sub_chain": "other", "provider": "", "action_type": "", "payload_template": {}}
    )
    definition, problems = parse_definition(spec)
    assert problems == []
    assert definition is not None
    assert definition.steps[0].kind == "sub_chain"


def test_an_unknown_key_is_refused_with_a_suggestion_or_told_as_a_warning() -> None:
    spec = chain(step("a", on_failur="skip"), time_out_seconds=5)
    assert fields_of(spec) == ["time_out_seconds", "steps[0].on_failur"]
    assert 'did you mean "on_failure"?' in message_of(spec, "steps[0].on_failur")
    warnings: list[Any] = []
    definition, problems = parse_definition(spec, warnings=warnings)
    assert definition is not None
    assert problems == []
    assert [warning.field for warning in warnings] == ["time_out_seconds", "steps[0].on_failur"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (None, "definition"),
        ([], "definition"),
        ({"steps": []}, "steps"),
        ({"name": "c", "steps": {}}, "steps"),
        (chain(), "steps"),
        (chain(step("a"), name="x/y"), "name"),
        (chain(step("a"), name=""), "name"),
        (chain(step("a"), timeout_seconds=0), "timeout_seconds"),
        (chain(step("a"), timeout_seconds="60"), "timeout_seconds"),
        (chain(step("a"), timeout_seconds=True), "timeout_seconds"),
        (chain(step("a"), on_failure="stop"), "on_failure"),
        (chain(step("a"), trigger={}), "trigger.action_type"),
        (chain(step("a"), trigger={"action_type": "t", "tenant": "a:b"}), "trigger.tenant"),
        (chain(step("a"), on_cancel={"provider": "p"}), "on_cancel.action_type"),
        (chain("a"), "steps[0]"),
        (chain({"name": "a"}), "steps[0]"),
        (chain({"name": "a", "provider": "p"}), "steps[0].action_type"),
        (chain({"name": "a", "provider": "p", "action_type": "t", "sub_chain": "s"}), "steps[0]"),
        (chain(step("a b")), "steps[0].name"),
        (chain(step("a:b")), "steps[0].name"),
        (chain(step("a", retry={})), "steps[0].retry.max_retries"),
        (chain(step("a", retry={"max_retries": -1})), "steps[0].retry.max_retries"),
        (chain(step("a", retry={"max_retries": 1.5})), "steps[0].retry.max_retries"),
        (chain(step("a", retry={"max_retries": 1, "strategy": "cubic"})), "steps[0].retry.strategy"),
        (chain(step("a", delay_seconds=-1)), "steps[0].delay_seconds"),
        (chain(step("a", point_of_no_return="yes")), "steps[0].point_of_no_return"),
        (chain(step("a", compensate={"provider": "p"})), "steps[0].compensate.action_type"),
        (
            chain(step("a", point_of_no_return=True, compensate={"provider": "p", "action_type": "u"})),
            "steps[0].compensate",
        ),
        (
            chain({"name": "a", "sub_chain": "s", "compensate": {"provider": "p", "action_type": "u"}}),
            "steps[0].compensate",
        ),
        (chain({"name": "a", "sub_chain": "s", "retry": {"max_retries": 1}}), "steps[0].retry"),
        (chain({"name": "a", "timer": {}}), "steps[0].timer"),
        (chain({"name": "a", "parallel": {"steps": []}}), "steps[0].parallel.steps"),
        (
            chain({"name": "a", "parallel": {"steps": [{"name": "t", "timer": {"seconds": 1}}]}}),
            "steps[0].parallel.steps[0]",
        ),
        (chain(step("a", branches={})), "steps[0].branches"),
        (chain(step("a", default_next=7)), "steps[0].default_next"),
        (chain(step("a", default_next="b")), "steps[0].default_next"),
        (chain(step("a"), step("a")), "steps"),
    ],
)
def test_a_wrong_value_is_named_by_its_field(spec: Any, field: str) -> None:
    assert field in fields_of(spec)


@pytest.mark.parametrize(
    ("branch", "key"),
    [
        ({"operator": "eq", "value": 1, "target": "b"}, "field"),
        ({"field": "headers.x", "operator": "eq", "value": 1, "target": "b"}, "field"),
        ({"field": "bodyx", "operator": "eq", "value": 1, "target": "b"}, "field"),
        ({"field": "body..x", "operator": "eq", "value": 1, "target": "b"}, "field"),
        ({"field": "body.x", "value": 1, "target": "b"}, "operator"),
        ({"field": "body.x", "operator": "equals", "value": 1, "target": "b"}, "operator"),
        ({"field": "body.x", "operator": "gt", "target": "b"}, "value"),
        ({"field": "body.x", "operator": "exists", "value": False, "target": "b"}, "value"),
        ({"field": "body.x", "operator": "eq", "value": 1}, "target"),
        ({"field": "body.x", "operator": "eq", "value": 1, "target": "nobody"}, "target"),
    ],
)
def test_a_wrong_branch_is_named_by_its_key(branch: dict[str, Any], key: str) -> None:
    assert f"steps[0].branches[0].{key}" in fields_of(chain(step("a", branches=[branch]), step("b")))


@pytest.mark.parametrize(
    ("template", "word"),
    [
        ("{{orgin.payload.x}}", 'did you mean "origin"?'),
        ("{{steps.chrge.body.x}}", 'did you mean "charge"?'),
        ("{{origin payload}}", "is no path"),
        ("{{}}", "is no path"),
        ('{{origin.payload.x | default: ""}}', 'with a default {{origin.payload.x | default("")}}'),
        ("{{origin.payload.x | default(USD)}}", "is no path"),
        ("{{origin.payload.x | default(NaN)}}", "is no path"),
        ("{{origin.payload.x | default({})}}", "is no path"),
        ("{{origin.payload.x | upper}}", "is no path"),
        ("{{orgin.payload.x | default(0)}}", 'did you mean "origin"?'),
    ],
)
def test_a_placeholder_that_can_lead_nowhere_is_refused(template: str, word: str) -> None:
    spec = chain(step("charge", payload_template={"deep": [{"x": f"text {template}"}]}))
    assert word in message_of(spec, "steps[0].payload_template.deep[0].x")


def test_circles_are_found_through_branches_too() -> None:
    back = {"field": "success", "operator": "eq", "value": True, "target": "a"}
    spec = chain(step("a"), step("b", branches=[back]))
    assert "a -> b -> a" in message_of(spec, "steps")
    assert "a -> a" in message_of(chain(step("a", default_next="a")), "steps")


def test_a_step_that_nothing_leads_to_is_refused() -> None:
    spec = chain(step("a", default_next="c"), step("b"), step("c"))
    assert message_of(spec, "steps[1]") == 'nothing leads to step "b"'


def test_missing_providers_and_sub_chains_are_named_with_a_suggestion() -> None:
    definition, _ = parse_definition(ORDER_PROCESSING)
    assert definition is not None
    names = {"payment-gatway", "warehouse", "email-service"}
    found = check_definition(definition, {definition.name: definition}, names)
    problems = {p.field: p.message for p in found}
    assert problems.keys() == {
        "steps[0].provider",
        "steps[2].provider",
        "steps[2].compensate.provider",
        "steps[1].sub_chain",
    }
    assert 'did you mean "payment-gatway"?' in problems["steps[0].provider"]


def test_sub_chains_that_call_each_other_in_a_circle_are_refused() -> None:
    chains = {}
    for name, other in (("one", "two"), ("two", "three"), ("three", "one")):
        definition, _ = parse_definition({"name": name, "steps": [{"name": "s", "sub_chain": other}]})
        assert definition is not None
        chains[name] = definition
    assert [p.message for p in check_recursion(chains)] == [
        "sub-chains go round in a circle: one -> two -> three -> one"
    ]


@given(st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=3), max_size=9))
def test_a_cycle_is_found_exactly_where_one_exists(edges: dict[int, list[int]]) -> None:
    graph = {str(node): tuple(str(target) for target in targets) for node, targets in edges.items()}
    cycle = find_cycle(graph)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(after in graph[before] for before, after in pairwise(cycle))
    else:
        remaining = {node: set(targets) & graph.keys() for node, targets in graph.items()}
        while removable := [node for node, targets in remaining.items() if not targets]:
            for node in removable:
                del remaining[node]
            for targets in remaining.values():
                targets.difference_update(removable)
        assert not remaining


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.sampled_from(["steps", "trigger", "name", "on_cancel", "timeout_seconds"]))
def test_no_value_whatever_makes_reading_raise(value: Any, key: str) -> None:
    spec = copy.deepcopy(ORDER_PROCESSING)
    spec[key] = value
    parse_definition(spec)


@given(json_values, st.sampled_from(["name", "branches", "retry", "compensate", "payload_template", "timer"]))
def test_no_value_inside_a_step_makes_reading_raise(value: Any, key: str) -> None:
    spec = copy.deepcopy(ORDER_PROCESSING)
    spec["steps"][0][key] = value
    definition, problems = parse_definition(spec)
    assert (definition is None) == bool(problems)
    if definition is not None:
        assert parse_definition(to_spec(definition)) == (definition, [])


def test_pauses_between_tries_grow_by_strategy() -> None:
    def none() -> float:
        return 0.0

    assert [delay_ms(Retry(9, 100, "fixed"), attempt, none) for attempt in (1, 2, 3)] == [100, 100, 100]
    assert [delay_ms(Retry(9, 100, "linear"), attempt, none) for attempt in (1, 2, 3)] == [100, 200, 300]
    assert [delay_ms(Retry(9, 100, "exponential"), attempt, none) for attempt in (1, 2, 3)] == [100, 200, 400]
    assert delay_ms(Retry(9, 100, "fixed", 50), 1, lambda: 0.5) == 125


@given(
    st.integers(0, MAX_DELAY_MS),
    st.sampled_from(["fixed", "linear", "exponential"]),
    st.integers(0, MAX_DELAY_MS),
    st.integers(0, 10**9),
    st.floats(0, 1, exclude_max=True),
)
def test_no_pause_is_longer_than_an_hour(
    backoff: int, strategy: str, jitter: int, attempt: int, drawn: float
) -> None:
    assert 0 <= delay_ms(Retry(1, backoff, strategy, jitter), attempt, lambda: drawn) <= MAX_DELAY_MS
