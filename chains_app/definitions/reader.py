"""Strict reading of configuration: every wrong key or value becomes a problem that names its field."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import name_problem

MAX_TEXT = 2000


class Problems:
    """Collects what is wrong. Unknown keys go to `warnings` instead where the caller tolerates them."""

    def __init__(self, warnings: list[FieldProblem] | None = None) -> None:
        self.found: list[FieldProblem] = []
        self._unknown = self.found if warnings is None else warnings

    def add(self, field: str, message: str) -> None:
        self.found.append(FieldProblem(field, message))

    def unknown_key(self, field: str, key: str, known: Collection[str]) -> None:
        self._unknown.append(FieldProblem(field, f"unknown key{suggestion(key, known)}"))


def suggestion(word: str, known: Collection[str]) -> str:
    """`; did you mean "x"?`, or the list of what is known."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else f"; known are {', '.join(sorted(known))}"


class Reader:
    """One mapping being read. A key that is absent, null or (for text) empty yields the default."""

    def __init__(self, value: object, path: str, known: Collection[str], problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self._values: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        if not isinstance(value, Mapping):
            problems.add(path or "definition", f"must be an object, not {_kind(value)}")
        for key in self._values:
            if key not in known:
                problems.unknown_key(self.at(str(key)), str(key), known)

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def raw(self, key: str) -> Any:
        return self._values.get(key)

    def has(self, key: str) -> bool:
        return self._values.get(key) not in (None, "")

    def problem(self, key: str, message: str) -> None:
        self.problems.add(self.at(key), message)

    def name(self, key: str, *, required: bool = False, colon_allowed: bool = True) -> str:
        """An identifier of the contract's form; "" where absent or wrong."""
        if not self.has(key):
            if required:
                self.problem(key, "is required")
            return ""
        value = self.raw(key)
        problem = name_problem(value, colon_allowed=colon_allowed)
        if problem:
            self.problem(key, problem)
            return ""
        return str(value)

    def text(self, key: str) -> str:
        value = self.raw(key)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            self.problem(key, f"must be text of at most {MAX_TEXT} characters")
            return ""
        return value

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        if not self.has(key):
            return default
        value = self.raw(key)
        if value not in choices:
            self.problem(key, f"must be one of {', '.join(choices)}{_meant(value, choices)}")
            return default
        return str(value)

    def flag(self, key: str) -> bool:
        value = self.raw(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.problem(key, f"must be true or false, not {_kind(value)}")
        return False

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        value = self.raw(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.problem(key, f"must be a whole number from {low} to {high}")
            return default
        return value

    def seconds(self, key: str, *, least: float = 0, most: float = 31_622_400) -> float | None:
        """A span in seconds, at most a leap year unless told otherwise; None where absent or wrong."""
        value = self.raw(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            self.problem(key, f"must be a number of seconds from {least:g} to {most:g}")
            return None
        return value

    def items(self, key: str) -> list[Any]:
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, (list, tuple)):
            self.problem(key, f"must be a list, not {_kind(value)}")
            return []
        return list(value)


def _meant(value: object, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(value), choices, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a truth value", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else type(value).__name__)
