"""docs/rules.md tells the truth: its examples parse, its tables name what exists."""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from rules_app.checking.kinds.registry import MEANINGS
from rules_app.engine import ACTIONS, parse_rule
from rules_app.engine.counting.declared import KEYS
from rules_app.engine.named_lists import ALL, EXACT, Lists
from rules_app.engine.operators.registry import OPERATORS
from rules_app.engine.quota_terms import parse_quota
from rules_app.engine.scope import Scope
from rules_app.engine.times import TIME_FIELDS
from rules_app.selectors import build_rule_set
from rules_app.testing import parse_cases, run_cases
from rules_app.testing.lists import held
from tests.rules_app.shop import OFFICE_HOURS, guide_rules, order, problems_of, rule_of

PAGE = (Path(settings.BASE_DIR) / "docs" / "rules.md").read_text()
EXAMPLES: list[dict[str, Any]] = [
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: next(iter(example)))
def test_every_example_is_accepted(example: dict[str, Any]) -> None:
    for rule in example.get("rules", []):
        assert parse_rule(rule)[1] == []
    for quota in example.get("quotas", []):
        assert parse_quota(quota)[1] == []
    if "condition" in example:
        assert problems_of(condition=example["condition"]) == {}


def test_every_operator_action_and_time_field_is_described() -> None:
    known = [*OPERATORS, *ACTIONS, *(f"time.{name}" for name in TIME_FIELDS)]
    assert [name for name in known if f"`{name}`" not in PAGE] == []


def test_every_kind_of_finding_has_its_row() -> None:
    assert [name for name in MEANINGS if f"| `{name}` |" not in PAGE] == []


def test_the_example_of_tests_holds() -> None:
    (section,) = (one["rule_tests"] for one in EXAMPLES if "rule_tests" in one and "rules" not in one)
    cases, problems = parse_cases(section)
    assert problems == []
    assert run_cases(guide_rules(), cases).failed == 0


def test_the_examples_of_counters_count_as_their_tests_say() -> None:
    (example,) = (one for one in EXAMPLES if "counters" in one)
    rule_set, wrong = build_rule_set({"default_timezone": "UTC", **example}, 1)
    assert wrong == []
    assert rule_set
    cases, problems = parse_cases(example["rule_tests"])
    assert problems == []
    assert [result.failures for result in run_cases(rule_set, cases).results] == [()] * len(cases)


def test_every_key_of_counters_is_described() -> None:
    assert [name for name in KEYS if f"`{name}" not in PAGE] == []


def test_the_guides_rules_stand_in_the_fixture_and_parse() -> None:
    folder = Path(settings.BASE_DIR) / "fixtures" / "ecommerce" / "rules"
    rules = [
        rule for file in sorted(folder.glob("*.yaml")) for rule in yaml.safe_load(file.read_text())["rules"]
    ]
    assert [parse_rule(rule)[1] for rule in rules] == [[]] * len(rules)
    assert {"deny-sanctioned-regions", "approve-high-value", "deny-unmatched"} <= {
        rule["name"] for rule in rules
    }


BY_EXAMPLE = PAGE.partition("\n## Every operator by example")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| `(\w+: .+?)` \| (.+) \| (.+) \|$", BY_EXAMPLE, re.MULTILINE)

BLOCKED = Lists({("blocked", ALL, ALL): held([("eve@example.com", None)], EXACT)})


def _values(cell: str) -> list[dict[str, Any]]:
    """Payloads with each of the values that stand in the cell, and without where it says missing."""
    shown = [{"x": yaml.safe_load(text)} for text in re.findall(r"`(.+?)`", cell)]
    return [*shown, {}] if "missing" in cell else shown


@pytest.mark.parametrize(("clause", "true_of", "false_of"), ROWS, ids=[row[0] for row in ROWS])
def test_each_row_of_examples_is_what_the_engine_says(clause: str, true_of: str, false_of: str) -> None:
    condition = rule_of(condition={"field": "action.payload.x", **yaml.safe_load(clause)}).condition
    for cell, holds in ((true_of, True), (false_of, False)):
        for payload in _values(cell):
            assert condition.test(Scope(order(payload), OFFICE_HOURS, UTC, BLOCKED)) is holds, payload


def test_every_operator_has_its_example() -> None:
    assert {row[0].partition(":")[0] for row in ROWS} == set(OPERATORS)
