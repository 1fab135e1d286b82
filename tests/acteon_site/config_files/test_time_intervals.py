"""Time intervals in files: loaded, exported, named by rules, and what may be muted in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from acteon_site.config_files.export import export_to
from audit_app.models import AuditRecord
from rules_app.models import RuleSettings, TimeInterval
from tests.acteon_site.config_files.conftest import SMALL, Pipeline, done
from tests.rules_app.conftest import rules_now

pytestmark = pytest.mark.django_db
INTERVALS = """\
time_intervals:
  - name: office
    location: Europe/Berlin
    time_ranges:
      - weekdays: [monday:friday]
        times: [{start: "09:00", end: "17:00"}]
"""
RULES = """\
rules:
  - name: newsletters
    condition: {field: action.action_type, eq: send_mail}
    action: {type: allow}
    active_time_intervals: [office]
"""
SETTINGS = "settings:\n  muting:\n    - {action_type: send_invoice, may: false}\n"
FILES = {**SMALL, "time_intervals.yaml": INTERVALS, "rules.yaml": RULES, "settings.yaml": SETTINGS}


def test_they_are_loaded_once_and_exported_as_they_are(shop: Pipeline, tmp_path: Path) -> None:
    assert done(shop.load(FILES))["time_intervals/office/*/*"] == "added"
    assert done(shop.load()) == {}
    rules = rules_now()
    assert [one.name for one in rules.intervals] == ["office"]
    assert [(one.action_type, one.may) for one in rules.mutables] == [("send_invoice", False)]
    told = AuditRecord.objects.get(action_type="time_interval").outcome_details
    assert told["change"] == "loaded"
    exported = tmp_path / "out"
    export_to(exported)
    assert "start: 1" in (exported / "time_intervals.yaml").read_text()
    assert "active_time_intervals" in "".join(one.read_text() for one in exported.rglob("*.yaml"))
    assert done(shop.load({"time_intervals.yaml": INTERVALS.replace("17:00", "18:00")})) != {}
    assert TimeInterval.objects.get().time_ranges[0]["times"] == [{"start": "09:00", "end": "18:00"}]
    shop.load({"settings.yaml": "settings:\n  default_timezone: UTC\n"})
    assert RuleSettings.objects.get().muting == []


def test_what_is_wrong_is_told_with_its_file_and_line(shop: Pipeline) -> None:
    wrong = INTERVALS.replace('end: "17:00"', 'end: "7:00"').replace("monday:friday", "munday")
    problems = shop.refused({**FILES, "time_intervals.yaml": wrong})
    assert any(
        one.startswith("time_intervals.yaml:5: ") and "did you mean 'Sunday'" in one for one in problems
    )
    assert any(one.startswith("time_intervals.yaml:6: ") for one in problems)
    (problem,) = shop.refused({**FILES, "rules.yaml": RULES.replace("[office]", "[ofice]")})
    assert problem.startswith("rules.yaml:5: ")
    assert "did you mean 'office'?" in problem
    narrow = INTERVALS.replace("location:", "namespace: shop\n    location:")
    (problem,) = shop.refused({**FILES, "time_intervals.yaml": narrow})
    assert "there for shop/* only, and the rule is for */*" in problem
    everything = SETTINGS.replace("send_invoice, may: false", '"*"')
    (problem,) = shop.refused({**FILES, "settings.yaml": everything})
    assert "orders would be lost" in problem


def test_an_interval_stays_while_a_rule_names_it(shop: Pipeline) -> None:
    shop.load(FILES)
    (problem,) = shop.refused({"time_intervals.yaml": "time_intervals: []\n"})
    assert "there is no time interval 'office'" in problem
    shop.load(
        {
            "time_intervals.yaml": "time_intervals: []\n",
            "rules.yaml": RULES.replace("    active_time_intervals: [office]\n", ""),
        }
    )
    assert not TimeInterval.objects.exists()
