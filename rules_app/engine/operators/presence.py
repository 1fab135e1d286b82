"""`exists`, `is_null`: whether a field is there, and whether it holds anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import KINDS, Operator, Test
from rules_app.engine.scope import MISSING


class _Presence(Operator):
    """Speaks about every value, also a missing one."""

    def note(self, path: str, operand: Any, value: Any, *, holds: bool) -> None:
        return None

    def text(self, path: str, operand: Any) -> str:
        return f"{path} {self.symbol}" if operand else f"not {path} {self.symbol}"

    def sentence(self, label: str, operand: Any, shown: Callable[[Any], str]) -> str:
        return f"{label} {_IN_WORDS[self.name, operand]}"


def _exists(operand: bool) -> Test:
    return lambda value: (value is not MISSING) is operand


def _is_null(operand: bool) -> Test:
    return lambda value: (value is None or value is MISSING) is operand


def _problem(operand: Any, field: Field) -> str | None:
    return None if isinstance(operand, bool) else "must be true or false"


_IN_WORDS = {
    ("exists", True): "is given",
    ("exists", False): "is not given",
    ("is_null", True): "is empty or not given",
    ("is_null", False): "is given and not empty",
}
_KINDS = frozenset(KINDS)
EXISTS = _Presence("exists", "exists", "is given", _KINDS, _exists, _problem, ("present",), "yes_no")
IS_NULL = _Presence("is_null", "is null", "is empty", _KINDS, _is_null, _problem, ("null",), "yes_no")
