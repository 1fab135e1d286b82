"""The tables that apps fill at start-up: loud on mistakes, closed once they are read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from acteon_site.base.registry import Hook, Registry, parts_from, register


def one(name: str) -> Hook:
    return Hook(name, lambda: name)


def test_things_stand_in_the_order_in_which_they_came() -> None:
    table: Registry[Hook] = Registry("thing")
    register({table: (one("b"), one("a"))})
    register({table: (one("c"),)})
    assert list(table) == ["b", "a", "c"]
    assert [thing.call() for thing in table.values()] == ["b", "a", "c"]
    assert table.get("nobody") is None


def test_a_name_comes_once() -> None:
    table: Registry[Hook] = Registry("thing")
    table.add(one("a"))
    with pytest.raises(ValueError, match="there is a thing named 'a' already"):
        table.add(one("a"))


def test_nothing_comes_after_the_first_look() -> None:
    table: Registry[Hook] = Registry("thing")
    table.add(one("a"))
    assert "a" in table
    with pytest.raises(ValueError, match="comes too late"):
        table.add(one("b"))


PARTS_OF_AN_APP = """
from acteon_site.base.registry import Hook, Registry
TABLE = Registry("thing")
PARTS = {TABLE: (Hook("a", print),)}
"""


def test_parts_are_imported_by_the_first_look_into_any_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parts_of_an_app.py").write_text(PARTS_OF_AN_APP)
    monkeypatch.syspath_prepend(tmp_path)
    other: Registry[Hook] = Registry("other thing")
    parts_from("parts_of_an_app")
    assert "parts_of_an_app" not in sys.modules
    assert list(other) == []
    assert list(sys.modules["parts_of_an_app"].TABLE) == ["a"]
