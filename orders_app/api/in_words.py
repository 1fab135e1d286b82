"""Payload values as a sentence's parts, for people who read no JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING = "-"


def in_words(value: Any) -> str:
    """`[{"sku": "MUG", "qty": 2}, {"sku": "LID", "qty": 1}]` is `sku: MUG, qty: 2; sku: LID, qty: 1`."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_nested(inner)}" for name, inner in value.items()) or NOTHING
    if isinstance(value, list):
        return (
            "; ".join(_nested(item) if isinstance(item, list) else in_words(item) for item in value)
            or NOTHING
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOTHING if value is None or value == "" else str(value)


def _nested(value: Any) -> str:
    return f"({in_words(value)})" if value and isinstance(value, Mapping | list) else in_words(value)
