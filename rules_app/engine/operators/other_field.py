"""Operators whose operand is another field: ne: {field: action.payload.billing_country}.

They have their operator's words under a name of their own, `ne field`, so that nothing that knows what `ne` says of a
plain value takes them for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rules_app.engine.fields import Field, parse_field
from rules_app.engine.operators.base import Operator, TestInScope
from rules_app.engine.scope import MISSING, Scope, kind_of


def _against(compares: Callable[[Any, Any, Scope], bool]) -> Callable[[Any], TestInScope]:
    def build(operand: Mapping[str, Any]) -> TestInScope:
        other = parse_field(operand["field"], in_item=True)
        if not isinstance(other, Field):  # a condition that was parsed has none
            return lambda value, scope: False
        read = other.get
        return lambda value, scope: compares(value, read(scope), scope)

    return build


def against_field(operator: Operator) -> Operator | None:
    """The same operator between two fields; None where it has none."""
    if operator.compares is None:
        return None
    return replace(
        operator, name=f"{operator.name} field", build=_against(operator.compares), in_scope=True, synonyms=()
    )


def other_field_note(operator: Operator, other: Field, value: Any, met: Any, *, holds: bool) -> str | None:
    """Why the other field could not really be compared, or None."""
    if operator.takes == "moment":
        return operator.note(other.path, None, met, holds=holds)
    if met is MISSING:
        found = "missing"
    elif value is not MISSING and kind_of(met) != kind_of(value):
        found = f"{kind_of(met)}, not {kind_of(value)}"
    else:
        return None
    return f"{other.path} is {found}, so {operator.word} is {str(holds).lower()}"


def other_field_problem(field: Field, other: Field) -> str | None:
    """Why the two can never be compared."""
    if other.path == field.path:
        return f"compares {field.path} with itself"
    number = [one.path for one in (field, other) if one.clock and one.clock.is_number]
    text = [one.path for one in (field, other) if one.is_text or one.is_country]
    if number and text:
        return f"compares {number[0]}, a number, with {text[0]}, which is text"
    return None
