"""The tables that apps fill at start-up: loud on mistakes, closed once they are read."""

from __future__ import annotations

import pytest

from acteon_site.base.registry import Hook, Registry, register


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
