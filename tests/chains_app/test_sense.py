"""Definitions that are well formed and cannot be meant: refused with field, message and a suggestion."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from acteon_site.base import config_versions
from chains_app import selectors
from chains_app.definitions import parse_definition, stored_definition, to_spec
from chains_app.definitions.model import MAX_BRANCHES, MAX_STEPS
from chains_app.definitions.templates import ROOTS
from chains_app.models import ChainVersion
from chains_app.services.providers import provider_save
from orders_app.contract.actions import Action
from tests.acteon_site.config_files.conftest import PROVIDERS, Pipeline
from tests.chains_app.shop import Caller
from tests.chains_app.test_definitions import chain, fields_of, message_of, step

ASK = {"name": "ask", "wait_for_signal": {"signal": "go"}}


def template(path: str) -> dict[str, Any]:
    return {"payload_template": {"x": "{{" + path + "}}"}}


def refund(path: str) -> dict[str, Any]:
    return {"compensate": {"provider": "p", "action_type": "undo", **template(path)}}


def group(*steps: dict[str, Any], name: str = "both", **keys: Any) -> dict[str, Any]:
    return {"name": name, "parallel": {"steps": list(steps)}, **keys}


def until(text: str) -> dict[str, Any]:
    return {"name": "wait", "timer": {"until": text}}


@pytest.mark.parametrize(
    ("steps", "field", "words"),
    [
        ([step("a", **template("steps.a.body.x"))], "[0].payload_template.x", "cannot read its own answer"),
        (
            [step("check"), step("charge", **template("steps.chek.body.x"))],
            "[1].payload_template.x",
            'no step is called "chek"; did you mean "check"?',
        ),
        (
            [step("charge-card", **template("steps.charge-gift.body")), step("charge-gift")],
            "[0].payload_template.x",
            'step "charge-gift" never runs before this one; no step runs before it',
        ),
        (
            [step("charge1"), step("ship", **template("steps.charge2.body.x")), step("charge2")],
            "[1].payload_template.x",
            'did you mean "charge1"?',
        ),
        ([until("{{steps.gone.body.at}}")], "[0].timer.until", 'no step is called "gone"'),
        ([until("{{steps.b.body.at}}"), step("b")], "[0].timer.until", "never runs before this one"),
        ([until("{{orgin.payload.at}}")], "[0].timer.until", 'did you mean "origin"?'),
        ([until("tomorrow")], "[0].timer.until", "2026-12-24T09:00:00Z"),
        ([until("2026-12-24T09:00:00")], "[0].timer.until", "a time with offset"),
        ([until("{{origin.payload.at")], "[0].timer.until", "a time with offset"),
        (
            [step("a", **refund("steps.b.body.id")), step("b")],
            "[0].compensate.payload_template.x",
            'step "b" never runs before this one; known are a',
        ),
        (
            [group(step("x"), step("y", **template("steps.x.body")))],
            "[0].parallel.steps[1].payload_template.x",
            '"x" is a branch of "both"',
        ),
        (
            [group(step("x", **template("steps.both.body")))],
            "[0].parallel.steps[0].payload_template.x",
            "never runs before this one",
        ),
        (
            [group(step("x")), step("z", **template("steps.x.body.n"))],
            "[1].payload_template.x",
            "write {{steps.both.body.x}}",
        ),
        ([step("a"), step("b", **template("steps.a.bdy.x"))], "[1].payload_template.x", "{{steps.a.body.x}}"),
        ([step("a", **template("origin.paylod.x"))], "[0].payload_template.x", 'did you mean "payload"?'),
        ([step("a", **template("run.name"))], "[0].payload_template.x", "known are chain, id"),
        ([step("a", **template("chain_id.x"))], "[0].payload_template.x", "is plain text"),
        ([step("a", **template("steps"))], "[0].payload_template.x", "steps.name.body.x"),
        (
            [group(step("x", on_failure="dlq"))],
            "[0].parallel.steps[0].on_failure",
            'write it at the parallel step "both"',
        ),
        ([ASK], "[0].wait_for_signal.timeout_seconds", "the chain has no timeout_seconds"),
        (
            [group(*(step(f"s{n}") for n in range(MAX_BRANCHES + 1)))],
            "[0].parallel.steps",
            f"at most {MAX_BRANCHES} branches, not {MAX_BRANCHES + 1}",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_field(
    steps: list[dict[str, Any]], field: str, words: str
) -> None:
    assert fields_of(chain(*steps)) == [f"steps{field}"]
    assert words in message_of(chain(*steps), f"steps{field}")


def test_a_step_of_another_path_is_never_before() -> None:
    way = {"field": "success", "operator": "eq", "value": True, "target": "right"}
    left = step("left", default_next="end")
    spec = chain(step("fork", branches=[way]), left, step("right", **template("steps.left.body")))
    assert fields_of(spec) == ["steps[2].payload_template.x"]
    either = chain(step("fork", branches=[way]), step("left"), step("right", **template("steps.left.body")))
    assert parse_definition(either)[1] == []


@pytest.mark.parametrize(
    "steps",
    [
        [step("a", **refund("steps.a.body.id"))],
        [step("a"), step("b", **template("steps.a.body.x")), step("c", **template("steps.a"))],
        [step("a"), group(step("x", **template("steps.a.body"), **refund("steps.x.body.id")), step("y"))],
        [group(step("x")), step("z", **template("steps.both.body.x.n"))],
        [step("a"), until("{{steps.a.body.at}}")],
        [until("2026-12-24T09:00:00+01:00")],
        [until("{{origin.payload.day}}T09:00:00Z")],
        [step("a", **template("run.id")), step("b", **template("chain_id")), step("c", **template("prev"))],
        [{"name": "ask", "wait_for_signal": {"signal": "go", "timeout_seconds": 60}}],
    ],
)
def test_what_can_be_meant_is_accepted(steps: list[dict[str, Any]]) -> None:
    assert parse_definition(chain(*steps))[1] == []


def test_a_wait_may_lean_on_the_chains_own_limit() -> None:
    assert parse_definition(chain(ASK, timeout_seconds=60))[1] == []


def test_branches_count_as_steps() -> None:
    groups = [group(*(step(f"s{n}-{k}") for k in range(20)), name=f"g{n}") for n in range(5)]
    assert message_of(chain(*groups), "steps") == (
        f"must list at most {MAX_STEPS} steps, those inside parallel included, not 105"
    )
    assert parse_definition(chain(*groups[:4]))[1] == []


@pytest.mark.parametrize(
    ("field", "operator", "value", "key"),
    [
        ("body.n", "gt", True, "value"),
        ("body.n", "lte", [1], "value"),
        ("body.n", "gte", {"n": 1}, "value"),
        ("success", "gt", 1, "operator"),
        ("success", "contains", "yes", "operator"),
        ("success", "eq", "true", "value"),
        ("success", "neq", 1, "value"),
        ("body", "lt", 5, "operator"),
        ("body", "contains", 5, "value"),
        ("body", "eq", "ok", "value"),
    ],
)
def test_a_comparison_that_can_never_hold_is_refused(field: str, operator: str, value: Any, key: str) -> None:
    branch = {"field": field, "operator": operator, "value": value, "target": "b"}
    assert fields_of(chain(step("a", branches=[branch]), step("b"))) == [f"steps[0].branches[0].{key}"]


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("body.n", "gt", 1.5),
        ("body.at", "lt", "2026-01-01"),
        ("body.tags", "contains", True),
        ("body.tags", "contains", 5),
        ("body", "contains", "id"),
        ("body", "eq", None),
        ("body", "exists", None),
        ("body", "eq", {"logged": True}),
        ("success", "eq", False),
        ("body.n", "eq", [1, 2]),
    ],
)
def test_a_comparison_that_may_hold_is_accepted(field: str, operator: str, value: Any) -> None:
    branch = {"field": field, "operator": operator, "value": value, "target": "b"}
    assert parse_definition(chain(step("a", branches=[branch]), step("b")))[1] == []


def test_the_origins_fields_are_those_of_a_stored_action() -> None:
    assert set(ROOTS["origin"] or ()) == {field.name for field in fields(Action)}


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([step("a", timeout_seconds=0)], "steps[0].timeout_seconds"),
        ([step("a", timeout_seconds="5")], "steps[0].timeout_seconds"),
        ([step("a", timeout_seconds=True)], "steps[0].timeout_seconds"),
        ([{"name": "t", "timer": {"seconds": 5}, "timeout_seconds": 5}], "steps[0].timeout_seconds"),
        ([group(step("x"), timeout_seconds=5)], "steps[0].timeout_seconds"),
        (
            [{"name": "w", "wait_for_signal": {"signal": "s", "timeout_seconds": 5}, "timeout_seconds": 5}],
            "steps[0].timeout_seconds",
        ),
    ],
)
def test_a_steps_own_time_is_positive_and_belongs_to_calls_and_sub_chains(
    steps: list[dict[str, Any]], field: str
) -> None:
    assert fields_of(chain(*steps)) == [field]


def test_a_steps_own_time_is_read_and_written_back() -> None:
    spec = chain(
        step("a", timeout_seconds=0.5),
        {"name": "s", "sub_chain": "other", "timeout_seconds": 60},
        group(step("x", timeout_seconds=5)),
    )
    definition, problems = parse_definition(spec)
    assert problems == []
    assert definition is not None
    assert [item.timeout_seconds for item in definition.steps] == [0.5, 60, None]
    assert definition.steps[2].parallel is not None
    assert definition.steps[2].parallel.steps[0].timeout_seconds == 5
    assert to_spec(definition) == spec


@pytest.mark.django_db
def test_the_api_answers_422_with_field_message_and_suggestion() -> None:
    provider_save(spec={"name": "p", "type": "log"}, actor="owner")
    spec = {"steps": [step("check"), step("charge", **template("steps.chek.body.x")), until("tomorrow"), ASK]}
    answer = Caller().put("/v1/chains/definitions/c", spec)
    assert answer.status_code == 422
    told = {problem["field"]: problem["message"] for problem in answer.json()["details"]}
    assert told.keys() == {
        "steps[1].payload_template.x",
        "steps[2].timer.until",
        "steps[3].wait_for_signal.timeout_seconds",
    }
    assert 'did you mean "check"?' in told["steps[1].payload_template.x"]
    assert Caller().get("/v1/chains/definitions/c").status_code == 404


@pytest.mark.django_db
def test_a_key_that_no_step_has_is_ignored_and_told_at_any_depth() -> None:
    provider_save(spec={"name": "p", "type": "log"}, actor="owner")
    spec = {"steps": [step("a", timeout_secs=5), group(step("x", colour="red"))]}
    answer = Caller().put("/v1/chains/definitions/c", spec)
    assert answer.status_code == 200
    told = {problem["field"]: problem["message"] for problem in answer.json()["warnings"]}
    assert told.keys() == {"steps[0].timeout_secs", "steps[1].parallel.steps[0].colour"}
    assert 'did you mean "timeout_seconds"?' in told["steps[0].timeout_secs"]


@pytest.mark.django_db
def test_the_loader_names_the_line_of_what_cannot_be_meant(tmp_path: Any) -> None:
    shop = Pipeline(tmp_path / "shop")
    problems = shop.refused(
        {
            "providers.yaml": PROVIDERS,
            "chains.yaml": """\
chains:
  - name: selling
    steps:
      - name: charge
        provider: till
        action_type: charge
        timeout_secs: 5
      - name: wait
        timer:
          until: tomorrow
""",
        }
    )
    assert any("chains.yaml:7" in text and 'did you mean "timeout_seconds"?' in text for text in problems)
    assert any("chains.yaml:10" in text and "timer.until" in text for text in problems)


@pytest.mark.django_db
def test_what_an_older_release_let_pass_still_runs() -> None:
    """A stored version is read by what the engine needs; refusing it would stop every decision."""
    provider_save(spec={"name": "p", "type": "log"}, actor="owner")
    assert Caller().put("/v1/chains/definitions/c", {"steps": [step("a")]}).status_code == 200
    old = chain(step("a", **template("steps.b.body")), ASK, until("tomorrow"), step("b"))
    assert parse_definition(old)[0] is None
    assert stored_definition(old)[0] is not None
    ChainVersion.objects.update(spec=old)
    config_versions.reset()
    current = selectors.definitions().get("c")
    assert current is not None
    assert [item.name for item in current.definition.steps] == ["a", "ask", "wait", "b"]
