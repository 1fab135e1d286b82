"""Checks of plain values in rules: what no JSON, YAML or database takes unharmed is refused as they are loaded.

Every check gives None, or the end of a sentence that begins with the field's name.
"""

from __future__ import annotations

import math
from datetime import date, time
from typing import Any

from rules_app.engine.scope import kind_of

MAX_TEXT = 10_000


def scalar_problem(value: Any) -> str | None:
    """Text, a finite number or true/false; everything else is refused with what to write instead."""
    if value is None:
        return "is empty; to ask whether a field is null or missing write is_null: true"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if isinstance(value, bool | int | float):
        return None
    if isinstance(value, str):
        return text_problem(value, MAX_TEXT)
    if isinstance(value, date | time):
        return f"is a date without quotes; quote it: '{value.isoformat()}'"
    return f"must be text, a number or true/false, not {kind_of(value)}"


def text_problem(text: str, longest: int) -> str | None:
    """Text that no database or wire format takes: too long, a NUL, half of a surrogate pair."""
    if len(text) > longest:
        return f"must have at most {longest} characters"
    strange = any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)
    return "must not hold NUL characters or lone surrogates" if strange else None


def country_hint(value: bool) -> str:
    """For where text was expected: YAML reads Norway's code NO as false."""
    text = "YES" if value else "NO"
    return f"without quotes YAML reads NO, OFF, YES and ON as false and true; quote it: '{text}'"
