"""What differs between two specs is said where it differs."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base.differences import changes

STEPS = [{"name": "charge", "timeout_seconds": 10}, {"name": "ship"}]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a: 1 → 2"]),
        ({}, {"a": [1]}, ["a added: [1]"]),
        ({"a": "x"}, {}, ["a removed"]),
        ({"a": 1}, {"a": None}, ["a: 1 → null"]),
        ({"a": ""}, {"a": "x"}, ['a: "" → x']),
        ({"steps": STEPS}, {"steps": [{"name": "charge", "timeout_seconds": 20}, {"name": "ship"}]},
         ["steps charge timeout_seconds: 10 → 20"]),
        ({"steps": STEPS}, {"steps": [STEPS[0], {"name": "check"}, STEPS[1]]},
         ['steps check added: {"name": "check"}']),
        ({"steps": STEPS}, {"steps": STEPS[::-1]}, ["order of steps: charge, ship → ship, charge"]),
        ({"states": ["a", "b"]}, {"states": ["a"]}, ['states: ["a", "b"] → ["a"]']),
    ],
)  # fmt: skip
def test_only_what_differs_is_said(before: Any, after: Any, said: list[str]) -> None:
    assert [str(change) for change in changes(before, after)] == said
