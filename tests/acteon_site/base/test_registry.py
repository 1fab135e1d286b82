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


def test_parts_are_imported_by_the_first_look_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table: Registry[Hook] = Registry("thing")
    module = tmp_path / "parts_of_an_app.py"
    module.write_text("from tests.acteon_site.base.test_registry import brought\nPARTS = brought()\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(f"{__name__}.brought", lambda: {table: (one("a"),)})
    parts_from(module.stem)
    assert module.stem not in sys.modules
    assert list(table) == ["a"]
    assert module.stem in sys.modules


def brought() -> dict[Registry[Hook], tuple[Hook, ...]]:
    raise NotImplementedError("each test puts its own here")
