"""`manage.py test_rules`: strict files, gates in memory that count as production does, and what was covered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from acteon_site.client.samples import SAMPLE_ORDERS, sample_orders
from orders_app.lifecycles.declared import DeclaredLifecycles
from rules_app.config_kinds.checks import stored_world
from rules_app.engine import ActionView
from rules_app.models import Rule
from rules_app.selectors import current_rules
from rules_app.testing import Bench, parse_cases, run_cases
from tests.depth import examples
from tests.rules_app.shop import OFFICE_HOURS, PLACES_ORDER, guide_rules, order, rule_set
from tests.world import FIXTURES, Shop, load_shop, publish_rules, tag

RULES = """rules:
  - name: big
    priority: 1
    condition:
      all:
        - {field: action.action_type, eq: place_order}
        - {field: action.payload.total, gte: 100}
    action: {type: deny}
"""
TESTS = """rule_tests:
  defaults: {namespace: n, tenant: t, provider: p, action_type: place_order, payload: {total: 5}}
  tests:
    - name: small ones pass
      at: "2026-03-10T11:00:00Z"
      expect: Executed
    - name: big ones do not
      at: "2026-03-10T11:00:00Z"
      action: {payload: {total: 100}}
      expect: {outcome: Suppressed, verdict: deny, rule: big}
"""


def run(*arguments: Any) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("test_rules", *map(str, arguments), stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "rules.tests.yaml").write_text(TESTS)
    return tmp_path


def change(folder: Path, old: str, new: str) -> Path:
    text = (folder / "rules.tests.yaml").read_text()
    assert old in text
    (folder / "rules.tests.yaml").write_text(text.replace(old, new))
    return folder


def test_the_guides_table_holds_within_and_outside_of_business_hours() -> None:
    code, told = run(FIXTURES)
    assert code == 0
    assert "19 passed, 0 failed; 6 of 6 rules matched" in told


@pytest.mark.parametrize(
    "folder",
    [
        *sorted((FIXTURES.parent / "rule_sets").iterdir()),
        *(FIXTURES.parent / name for name in ("incidents", "subscriptions")),
    ],
    ids=lambda path: path.name,
)
def test_the_tests_of_the_example_sets_hold(folder: Path) -> None:
    code, told = run(folder)
    assert code == 0, told


def test_the_tests_of_refunds_hold_beside_those_of_the_orders() -> None:
    code, told = run(FIXTURES, FIXTURES.parent / "returns")
    assert code == 0, told


def test_what_came_otherwise_is_told_and_fails_the_step(folder: Path) -> None:
    change(folder, "verdict: deny, rule: big", "verdict: suppress, rule: null")
    code, told = run(folder, "--format", "json")
    failed = json.loads(told)["tests"][1]
    assert code == 1
    assert failed["line"] == 7
    assert failed["failures"] == [
        "verdict is deny (big), expected suppress",
        "rule is big (big), expected no rule",
    ]


def test_coverage_counts_clauses_seen_true_and_false(folder: Path) -> None:
    found = json.loads(run(folder, "--format", "json")[1])["coverage"]
    (rule,) = found["rules"]
    assert rule == {
        "rule": "big",
        "matched": 1,
        "branches": 4,
        "seen": 3,
        "missing": ["condition.all[0] never false"],
    }
    assert run(folder, "--min-coverage", "75")[0] == 0
    assert run(folder, "--min-coverage", "76")[0] == 1


def test_junit_has_each_test_with_its_place(folder: Path) -> None:
    change(folder, "expect: Executed", "expect: Throttled")
    suite = ElementTree.fromstring(run(folder, "--format", "junit")[1]).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert suite[0].get("line") == "4"
    assert suite[0].find("failure") is not None


PROBLEMS = [
    ("expect: Executed", "expect: Excuted", "rules.tests.yaml:6", "did you mean 'Executed'?"),
    ("verdict: deny", "verdikt: deny", "rules.tests.yaml:10", "did you mean 'verdict'?"),
    ('at: "2026-03-10T11:00:00Z"\n      expect', "at: noon\n      expect", "rules.tests.yaml:5", "RFC 3339"),
    ("action: {payload: {total: 100}}", "action: {payload: 5}", "rules.tests.yaml:9", "must be an object"),
    ("provider: p, ", "", "rules.tests.yaml:4", "has no provider"),
    ("big ones do not", "small ones pass", "rules.tests.yaml:7", "stands twice"),
    ("      expect: Executed\n", "", "rules.tests.yaml:4", "needs either expect, or steps"),
    (
        "expect: Executed",
        "steps: [{repeat: 0, expect: Executed}]",
        "rules.tests.yaml:6",
        "whole number from 1",
    ),
    ("expect: Executed", "steps: [{after: 1}]", "rules.tests.yaml:6", "must be an object"),
]


@pytest.mark.parametrize(("old", "new", "place", "told"), PROBLEMS)
def test_nothing_half_understood_is_run(folder: Path, old: str, new: str, place: str, told: str) -> None:
    with pytest.raises(CommandError) as refused:
        run(change(folder, old, new))
    assert refused.value.returncode == 2
    assert place in str(refused.value)
    assert told in str(refused.value)


@pytest.mark.django_db
def test_the_rules_of_the_database_can_be_tested_too() -> None:
    load_shop()
    assert run(FIXTURES, "--live")[0] == 0
    Rule.objects.filter(name="approve-high-value").update(enabled=False)
    publish_rules()
    assert run(FIXTURES, "--live")[0] == 1
    assert run(FIXTURES)[0] == 0


@pytest.mark.django_db
def test_the_bench_and_a_dispatch_say_the_same_of_the_sample_orders() -> None:
    load_shop()
    shop = Shop()
    bench = Bench(current_rules(), DeclaredLifecycles.of(stored_world()["lifecycles"].values()))
    samples = sorted(sample_orders(SAMPLE_ORDERS, "r"), key=lambda one: str(one.demo_now))
    for sample in [*samples, *samples[-3:]]:
        action = dict(sample.action)
        said = bench.send(ActionView(**action), datetime.fromisoformat(str(sample.demo_now)), has_key=True)
        came = tag(shop.dispatch(action, now=str(sample.demo_now)).json())
        assert said.tag == came, sample.label


@settings(max_examples=examples(25), deadline=None)
@given(gaps=st.lists(st.integers(0, 20_000), min_size=12, max_size=60))
def test_no_more_than_the_throttle_says_pass_in_any_window(gaps: list[int]) -> None:
    bench, at, passed = Bench(guide_rules()), OFFICE_HOURS, []
    for number, gap in enumerate(gaps):
        at += timedelta(milliseconds=gap)
        action = order({"total_cents": 5, "shipping_country": "US"}, id=f"a-{number}")
        if bench.send(action, at, has_key=True).tag == "Executed":
            passed.append(at)
    assert all(
        last - first >= timedelta(seconds=60) for first, last in zip(passed, passed[10:], strict=False)
    )


def test_a_key_is_owned_while_its_action_waits_and_free_once_nobody_approved() -> None:
    hold = {"type": "request_approval", "notify_provider": "mail", "timeout_seconds": 60}
    rules = rule_set(
        {"name": "ask", "priority": 1, "condition": PLACES_ORDER, "action": hold},
        {
            "name": "once",
            "priority": 2,
            "condition": PLACES_ORDER,
            "action": {"type": "deduplicate", "ttl_seconds": 9},
        },
    )
    bench, at = Bench(rules), datetime(2026, 3, 10, 12, tzinfo=UTC)
    said = [bench.send(order(), at + timedelta(seconds=after), has_key=True) for after in (0, 59, 60)]
    assert [(one.tag, one.note) for one in said] == [
        ("PendingApproval", ""),
        ("PendingApproval", "it waits already"),
        ("PendingApproval", ""),
    ]


def test_the_payload_is_followed_through_what_changes_it() -> None:
    rules = rule_set(
        {
            "name": "mark",
            "priority": 1,
            "condition": PLACES_ORDER,
            "action": {"type": "modify", "changes": {"gift": True}},
        },
        {
            "name": "stop",
            "priority": 2,
            "condition": {"field": "action.payload.gift", "eq": True},
            "action": {"type": "deny"},
        },
    )
    spec = {
        "defaults": {
            "namespace": "n",
            "tenant": "t",
            "provider": "p",
            "action_type": "place_order",
            "payload": {},
        },
        "tests": [
            {"name": "a", "at": "2026-03-10T11:00:00Z", "expect": {"rule": "stop", "payload": {"gift": True}}}
        ],
    }
    cases, problems = parse_cases(spec)
    assert problems == []
    report = run_cases(rules, cases)
    assert report.failed == 0
    assert report.coverage.rules["stop"].branches == {"condition": {True}}
