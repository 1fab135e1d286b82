"""The tables of operators and actions: every file is in its table, under the name that it has itself."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from rules_app import engine
from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.registry import ACTIONS
from rules_app.engine.actions.registry import SYNONYMS as ACTION_SYNONYMS
from rules_app.engine.operators.items import ITEM_OPERATORS
from rules_app.engine.operators.registry import OPERATORS
from rules_app.engine.operators.registry import SYNONYMS as OPERATOR_SYNONYMS

ENGINE = Path(engine.__file__).parent
SHARED = {"__init__", "base", "other_field", "parse", "registry", "settings"}


def files_of(package: str) -> set[str]:
    return {file.stem for file in (ENGINE / package).glob("*.py")} - SHARED


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_has_its_own_name_and_a_check_for_every_setting(name: str) -> None:
    action = ACTIONS[name]
    assert (action.type, issubclass(action, RuleAction)) == (name, True)
    assert list(action.settings()) == [field.name for field in fields(action)]


def test_an_operator_has_its_own_name_but_for_the_reference_gateways_neq() -> None:
    assert {key: one.name for key, one in OPERATORS.items() if one.name != key} == {"neq": "ne"}


def test_every_file_of_an_action_or_operator_is_in_the_table() -> None:
    assert files_of("actions") == {one.__module__.rpartition(".")[2] for one in ACTIONS.values()}
    assert files_of("operators") == {
        test.__module__.rpartition(".")[2]
        for test in (one.build for one in (*OPERATORS.values(), *ITEM_OPERATORS.values()))
    }


def test_a_synonym_stands_for_one_thing_and_is_no_name_itself() -> None:
    for names, synonyms, things in (
        (ACTIONS, ACTION_SYNONYMS, ACTIONS.values()),
        (OPERATORS, OPERATOR_SYNONYMS, {one.name: one for one in OPERATORS.values()}.values()),
    ):
        assert not set(names) & set(synonyms)
        assert len(synonyms) == sum(len(one.synonyms) for one in things)
