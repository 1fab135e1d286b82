"""Lists in files: owned with what they hold or without, compared without showing a value, and never pulled away."""

from __future__ import annotations

from pathlib import Path

import pytest

from acteon_site.base.source import Source
from acteon_site.config_files.export import export_to
from acteon_site.config_files.load import load_paths
from rules_app.lists.stored import entries_in_clear
from rules_app.lists.texts import Entry
from rules_app.models import NamedList, Rule
from rules_app.services.list_entries import entries_add
from rules_app.services.rule_sets import rule_save
from tests.acteon_site.config_files.conftest import SMALL, Pipeline, done

pytestmark = pytest.mark.django_db
LISTS = """\
lists:
  - name: sanctioned
    matching: folded
    entries:
      - nk
      - {value: ir, note: "until the review", expires_at: "2999-01-01T00:00:00Z"}
  - name: blocked
    namespace: shop
"""
ASKS = """\
rules:
  - name: refuse-sanctioned
    condition: {field: action.payload.country, in_named_list: sanctioned}
    action: {type: deny}
"""
FILES = {**SMALL, "lists.yaml": LISTS, "rules.yaml": ASKS}
EDITOR = Source("maria", "admin", "")


def values(name: str) -> list[str]:
    return sorted(entry.value for entry in entries_in_clear(NamedList.objects.get(name=name)))


def test_a_file_says_what_a_list_holds_and_a_second_load_changes_nothing(shop: Pipeline) -> None:
    assert done(shop.load(FILES))["lists/sanctioned/*/*"] == "added"
    assert values("sanctioned") == ["ir", "nk"]
    assert done(shop.load()) == {}
    changed = shop.load({"lists.yaml": LISTS.replace("nk", "sy")})
    (change,) = [one for one in changed.changes if one.section == "lists" and one.fields]
    assert [str(field) for field in change.fields] == ["entries"]
    assert values("sanctioned") == ["ir", "sy"]


def test_what_a_person_put_on_a_list_of_a_file_is_a_conflict_and_on_one_that_people_fill_it_stays(
    shop: Pipeline,
) -> None:
    shop.load(FILES)
    for name in ("sanctioned", "blocked"):
        entries_add(row=NamedList.objects.get(name=name), entries=[Entry("eve")], source=EDITOR)
    (problem,) = shop.refused()
    assert 'list "sanctioned"' in problem
    assert "edited by maria" in problem
    shop.load(force=True)
    assert (values("sanctioned"), values("blocked")) == (["ir", "nk"], ["eve"])


def test_a_rule_needs_its_list_and_a_list_stays_while_a_rule_needs_it(shop: Pipeline) -> None:
    (problem,) = shop.refused({**FILES, "lists.yaml": LISTS.replace("sanctioned", "sanctionned")})
    assert problem.startswith('rules.yaml:3: rule "refuse-sanctioned": condition.in_named_list: ')
    assert "did you mean 'sanctionned'?" in problem
    shop.load(FILES)
    rule_save(
        rule=Rule(
            name="by-hand",
            condition={"field": "action.payload.country", "not_in_named_list": "sanctioned"},
            action={"type": "deny"},
        ),
        actor="maria",
    )
    (shop.directory / "lists.yaml").unlink()
    problems = shop.refused({"rules.yaml": SMALL["rules.yaml"]})
    assert any('rule "by-hand"' in one and "there is no list 'sanctioned'" in one for one in problems)


def test_what_is_wrong_in_a_list_is_named_by_its_line(shop: Pipeline) -> None:
    problems = shop.refused(
        {
            **SMALL,
            "lists.yaml": "lists:\n  - name: sanctioned\n    entries:\n      - NO\n      - a\n      - a\n"
            '  - name: other\n    tenant: a\n    matching: fold\n    entries: ["4111111111111111"]\n',
        }
    )
    assert [one.partition(": ")[0] for one in problems] == [
        "lists.yaml:4",
        "lists.yaml:6",
        "lists.yaml:8",
        "lists.yaml:9",
        "lists.yaml:10",
    ]
    assert not any("4111" in one for one in problems)


def test_toml_says_the_same_and_an_export_loads_again(shop: Pipeline, tmp_path: Path) -> None:
    toml = (
        '[[lists]]\nname = "sanctioned"\nmatching = "folded"\n'
        'entries = ["nk", {value = "ir", note = "until the review", expires_at = "2999-01-01T00:00:00Z"}]\n'
        '[[lists]]\nname = "blocked"\nnamespace = "shop"\n'
    )
    shop.load({"lists.yaml": LISTS})
    (tmp_path / "acteon.toml").write_text(toml)
    assert done(load_paths([tmp_path / "acteon.toml"], source="shop", actor="tester")) == {}
    export_to(tmp_path / "out", source="shop")
    assert done(load_paths([tmp_path / "out"], source="shop", actor="tester")) == {}


def test_another_way_of_comparing_takes_what_is_on_a_list_along(shop: Pipeline) -> None:
    shop.load(FILES)
    row = NamedList.objects.get(name="blocked")
    entries_add(row=row, entries=[Entry("Eve"), Entry("EVE"), Entry("eve")], source=EDITOR)
    shop.load({"lists.yaml": LISTS.replace("namespace: shop", "namespace: shop\n    matching: folded")})
    assert values("blocked") == ["Eve"]
