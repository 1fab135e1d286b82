"""Silences: which labels of an action one looks for, and whether it holds its peace at an instant. Pure.

As Alertmanager's: every matcher must match, a label that is absent counts as empty, a pattern must match the whole
value, and at least one matcher must be one that the empty value does not match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import MAX_LENGTH
from rules_app.engine.operators.pattern import compiled_pattern, pattern_problem
from rules_app.engine.scope import kind_of
from rules_app.engine.suggest import unknown
from rules_app.engine.values import text_problem

EQUAL, NOT_EQUAL, REGEX, NOT_REGEX = OPS = ("equal", "not_equal", "regex", "not_regex")
SYMBOLS = dict(zip(OPS, ("=", "!=", "=~", "!~"), strict=True))
_SYNONYMS = {
    "=": EQUAL,
    "==": EQUAL,
    "eq": EQUAL,
    "!=": NOT_EQUAL,
    "ne": NOT_EQUAL,
    "=~": REGEX,
    "!~": NOT_REGEX,
}
KEYS = ("name", "value", "op")
MOST_MATCHERS = 50
MAX_VALUE = 1_000


@dataclass(frozen=True, slots=True)
class Matcher:
    name: str
    value: str
    op: str
    test: Callable[[str], bool]

    def matches(self, labels: Mapping[str, str]) -> bool:
        return self.test(labels.get(self.name, ""))

    def spec(self) -> dict[str, str]:
        return {"name": self.name, "value": self.value, "op": self.op}

    def __str__(self) -> str:
        return f'{self.name}{SYMBOLS[self.op]}"{self.value}"'


@dataclass(frozen=True, slots=True)
class Silence:
    """From `starts_at` to before `ends_at`, of the actions of one tenant."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str = ""
    comment: str = ""

    def silences(self, labels: Mapping[str, str], now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at and matches_all(self.matchers, labels)


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    return all(one.matches(labels) for one in matchers)


def silence_over(silences: Iterable[Silence], labels: Mapping[str, str], now: datetime) -> Silence | None:
    """Of those that silence the action at that instant, the one that lasts longest."""
    found = [one for one in silences if one.silences(labels, now)]
    return max(found, key=lambda one: (one.ends_at, one.id), default=None)


def matchers_of(specs: Iterable[Mapping[str, Any]]) -> tuple[Matcher, ...]:
    """Of specs that `parse_matchers` has checked."""
    return tuple(_matcher(one["name"], one["value"], one.get("op", EQUAL)) for one in specs)


def parse_matchers(value: Any) -> tuple[tuple[Matcher, ...], list[FieldProblem]]:
    """The matchers that a body holds, or every problem found in them."""
    if not isinstance(value, list) or not value:
        what = "is required" if value is None else "must be a list with at least one matcher"
        return (), [FieldProblem("matchers", f"{what}: {{name, value, op}}")]
    if len(value) > MOST_MATCHERS:
        return (), [FieldProblem("matchers", f"must be at most {MOST_MATCHERS}")]
    problems = [
        problem for index, one in enumerate(value) for problem in _problems(one, f"matchers[{index}]")
    ]
    if problems:
        return (), problems
    matchers = matchers_of(value)
    if all(one.test("") for one in matchers):
        return (), [FieldProblem("matchers", NOTHING_ASKED)]
    return matchers, []


NOTHING_ASKED = (
    "would match every action that has none of these labels: at least one matcher must be one that an empty value "
    'does not match, such as {name: "campaign", value: ".+", op: "regex"}'
)


def _problems(one: Any, place: str) -> list[FieldProblem]:
    if not isinstance(one, Mapping):
        return [FieldProblem(place, f"must be an object with name, value and op, not {kind_of(one)}")]
    found: list[tuple[str, str | None]] = [
        (str(key), unknown("key", key, KEYS)) for key in one if key not in KEYS
    ]
    op = one.get("op", EQUAL)
    found.append(("name", _name_problem(one.get("name"))))
    found.append(("op", None if op in OPS else unknown("op", op, OPS, _SYNONYMS)))
    found.append(("value", _value_problem(one.get("value"), op)))
    return [FieldProblem(f"{place}.{name}", problem) for name, problem in found if problem]


def _name_problem(value: Any) -> str | None:
    if value is None:
        return "is required: the label that it looks at"
    if not isinstance(value, str):
        return f"must be text, not {kind_of(value)}"
    if not value.strip():
        return "must not be empty"
    return text_problem(value, MAX_LENGTH)


def _value_problem(value: Any, op: Any) -> str | None:
    if not isinstance(value, str):
        return "is required" if value is None else f"must be text, not {kind_of(value)}"
    if op in (REGEX, NOT_REGEX):
        return pattern_problem(value)
    return text_problem(value, MAX_VALUE) if value else None


def _matcher(name: str, value: str, op: str) -> Matcher:
    test: Callable[[str], bool] = value.__eq__
    if op in (REGEX, NOT_REGEX):
        test = _whole(compiled_pattern(value))
    return Matcher(name, value, op, _not(test) if op in (NOT_EQUAL, NOT_REGEX) else test)


def _whole(pattern: Any) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            return pattern.fullmatch(text) is not None
        except UnicodeEncodeError:  # a lone surrogate has no UTF-8 form, so no pattern describes it
            return False

    return test


def _not(test: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda text: not test(text)
