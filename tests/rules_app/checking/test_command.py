"""`manage.py check_rules`: files without a database, the database with what was seen, and the forms of the answer."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command

from rules_app.checking.kinds.registry import MEANINGS
from rules_app.models import Rule
from tests.rules_app.shop import PLACES_ORDER
from tests.world import FIXTURES, Shop, load_shop, publish_rules

SETS = [FIXTURES, *sorted((FIXTURES.parent / "rule_sets").iterdir()), FIXTURES.parent / "incidents"]
BAD = """rules:
  - name: first
    priority: 1
    condition: {field: action.action_type, eq: place_order}
    action: {type: deny}
  - name: second
    priority: 2
    condition:
      all:
        - {field: action.action_type, eq: place_order}
        - {field: action.payload.total, gte: 100}
    action: {type: chain, chain: processing}
  - name: rest
    priority: 100
    condition: {field: action.namespace, exists: true}
    action: {type: suppress}
"""


def run(*arguments: Any) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("check_rules", *map(str, arguments), stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(BAD)
    return tmp_path


@pytest.mark.parametrize("folder", SETS, ids=lambda path: path.name)
def test_nothing_is_said_of_the_shipped_sets(folder: Path) -> None:
    code, told = run(folder, "--fail-on", "note")
    assert (code, told.count("nothing to mind")) == (0, 1), told


def test_a_finding_names_file_and_line_and_fails_the_step(bad: Path) -> None:
    code, told = run(bad, "--format", "json")
    (found,) = json.loads(told)["findings"]
    assert code == 1
    assert (found["file"], found["line"]) == (str(bad / "rules.yaml"), 6)
    assert found["example"]["payload"]["total"] >= 100
    assert run(bad)[1].count("unreachable") == 1


def test_what_is_ignored_or_below_the_bar_fails_nothing(bad: Path) -> None:
    assert run(bad, "--ignore", "unreachable")[0] == run(bad, "--fail-on", "never")[0] == 0
    (bad / "rules.yaml").write_text(
        BAD.partition("  - name: rest")[0].replace("deny", "schedule, delay_seconds: 5")
    )
    assert run(bad, "--fail-on", "error")[0] == 0
    assert run(bad)[0] == 1


def test_junit_has_a_case_for_each_rule(bad: Path) -> None:
    suite = ElementTree.fromstring(run(bad, "--format", "junit")[1]).find("testsuite")
    assert suite is not None
    assert suite.attrib == {"name": "check_rules", "tests": "4", "failures": "1"}
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["second"]


def test_sarif_names_every_kind_of_finding_and_each_place(bad: Path) -> None:
    (ran,) = json.loads(run(bad, "--format", "sarif")[1])["runs"]
    assert [one["id"] for one in ran["tool"]["driver"]["rules"]] == list(MEANINGS)
    (result,) = ran["results"]
    assert (result["ruleId"], result["level"]) == ("unreachable", "error")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 6}


def test_what_does_not_load_is_a_finding_too(bad: Path) -> None:
    (bad / "rules.yaml").write_text(BAD.replace("gte", "gtee") + "    timezone: US/Easten\n")
    found = {one["id"]: one for one in json.loads(run(bad, "--format", "json")[1])["findings"]}
    assert set(found) == {"invalid", "unknown-zone"}
    assert "did you mean 'gte'" in found["invalid"]["message"]


def test_a_path_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        run(tmp_path / "nowhere")
    assert refused.value.returncode == 2


@pytest.mark.django_db
def test_the_rules_of_the_database_are_checked_with_what_was_seen() -> None:
    load_shop()
    assert run("--fail-on", "note")[0] == 0
    shop = Shop()
    shop.place()
    shop.place(payload={"currency": "JPY"})
    code, told = run("--format", "json")
    assert code == 1
    assert [one["id"] for one in json.loads(told)["findings"]] == ["amount-without-currency"]


@pytest.mark.django_db
def test_a_field_that_the_last_orders_did_not_have_is_told() -> None:
    load_shop()
    shop = Shop()
    for name, path in (("known", "items.0.sku"), ("unknown", "items.0.colour")):
        condition = {"all": [PLACES_ORDER, {"field": f"action.payload.{path}", "eq": "x"}]}
        Rule.objects.create(name=name, priority=2, condition=condition, action={"type": "deny"})
    publish_rules()
    for _ in range(20):
        shop.place()
    found = json.loads(run("--format", "json")[1])["findings"]
    assert [(one["id"], one["rule"]) for one in found] == [("field-never-seen", "unknown")]
