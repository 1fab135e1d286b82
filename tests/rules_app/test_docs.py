"""docs/rules.md tells the truth: its examples parse, its tables name what exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from rules_app.engine import ACTIONS, parse_rule
from rules_app.engine.operators.registry import OPERATORS
from rules_app.engine.quota_terms import parse_quota
from rules_app.engine.times import TIME_FIELDS
from tests.rules_app.shop import problems_of

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


def test_the_guides_rules_stand_in_the_fixture_and_parse() -> None:
    folder = Path(settings.BASE_DIR) / "fixtures" / "ecommerce" / "rules"
    rules = [
        rule for file in sorted(folder.glob("*.yaml")) for rule in yaml.safe_load(file.read_text())["rules"]
    ]
    assert [parse_rule(rule)[1] for rule in rules] == [[]] * len(rules)
    assert {"deny-sanctioned-regions", "approve-high-value", "deny-unmatched"} <= {
        rule["name"] for rule in rules
    }
