"""`before`, `after`, `on_or_before`, `on_or_after`, `older_than`, `younger_than`: dates and moments of an order.

A plain date is a whole day in the rule's zone: before it is before it begins, after it is after it has ended. The age
is what lies between a date and the moment of the decision; what lies ahead is younger than everything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, tzinfo
from typing import Any

from acteon_site.base.clock_text import span_in_words
from rules_app.engine.actions.settings import CENTURY_SECONDS
from rules_app.engine.fields import Field
from rules_app.engine.operators.base import DATE, Operator, TestInScope, some_text_problem
from rules_app.engine.scope import Scope, kind_of
from rules_app.engine.spans import Span, micros_of, read_duration, read_moment, span_in

Compare = Callable[[Span, Span], bool]
_KINDS = frozenset((DATE,))
_SECOND = 1_000_000


class _Dates(Operator):
    def mistyped(self, operand: Any, value: Any) -> bool:
        return read_moment(value) is None

    def wanted(self, operand: Any) -> str:
        return "a date"


class _Ages(_Dates):
    def sentence(self, label: str, operand: Any, shown: Callable[[Any], str]) -> str:
        distance = "more" if self.name == "older_than" else "less"
        return f"{label} is {distance} than {span_in_words(read_duration(operand) or 0)} ago"


def _beside(compare: Compare) -> Callable[[Any], TestInScope]:
    def build(operand: str) -> TestInScope:
        wanted = _span_by_zone(operand)

        def test(value: Any, scope: Scope) -> bool:
            found, other = span_in(value, scope.zone), wanted(scope.zone)
            return found is not None and other is not None and compare(found, other)

        return test

    return build


def _span_by_zone(text: str) -> Callable[[tzinfo], Span | None]:
    """Remembers what the moment is in each zone: a set of rules knows few."""
    known: dict[tzinfo, Span | None] = {}

    def span(zone: tzinfo) -> Span | None:
        if zone not in known:
            known[zone] = span_in(text, zone)
        return known[zone]

    return span


def _fields(compare: Compare) -> Callable[[Any, Any, Scope], bool]:
    def test(value: Any, other: Any, scope: Scope) -> bool:
        one, two = span_in(value, scope.zone), span_in(other, scope.zone)
        return one is not None and two is not None and compare(one, two)

    return test


def _aged(compare: Callable[[Span, int], bool]) -> Callable[[Any], TestInScope]:
    def build(operand: str) -> TestInScope:
        micros = (read_duration(operand) or 0) * _SECOND

        def test(value: Any, scope: Scope) -> bool:
            found = span_in(value, scope.zone)
            return found is not None and compare(found, micros_of(scope.now) - micros)

        return test

    return build


def _moment_problem(operand: Any, field: Field) -> str | None:
    return _field_problem(field) or _text_problem(operand) or _date_problem(operand)


def _date_problem(operand: str) -> str | None:
    if read_moment(operand) is None:
        return f"'{operand}' is no date such as '2026-12-24' and no moment such as '2026-12-24T18:00:00Z'"
    return None


def _duration_problem(operand: Any, field: Field) -> str | None:
    if isinstance(operand, int | float) and not isinstance(operand, bool):
        return f"must be a length of time in quotes, such as '30d' or '{operand}s'"
    problem = _field_problem(field) or _text_problem(operand)
    if problem:
        return problem
    seconds = read_duration(operand)
    if seconds is None:
        examples = "'30d', '1d 12h' or 'PT90M'; months and years have no fixed one"
        return f"'{operand}' is no length of time such as {examples}"
    return None if 1 <= seconds <= CENTURY_SECONDS else "must be from one second to a century"


def _text_problem(operand: Any) -> str | None:
    if isinstance(operand, date):
        return f"is a date without quotes; quote it: '{operand.isoformat()}'"
    if not isinstance(operand, str):
        return f"must be text in quotes, not {kind_of(operand)}"
    return some_text_problem(operand)


def _field_problem(field: Field) -> str | None:
    if field.clock and field.path != "time.date":
        return f"compares dates, and {field.path} is none; use time.date"
    return f"compares dates, and {field.path} is a name" if field.is_text or field.is_country else None


def _comparing(name: str, symbol: str, words: str, compare: Compare, synonyms: tuple[str, ...]) -> Operator:
    return _Dates(
        name,
        symbol,
        words,
        _KINDS,
        _beside(compare),
        _moment_problem,
        synonyms,
        takes="moment",
        in_scope=True,
        compares=_fields(compare),
    )


def _ageing(
    name: str, symbol: str, words: str, compare: Callable[[Span, int], bool], synonyms: tuple[str, ...]
) -> Operator:
    build = _aged(compare)
    return _Ages(
        name, symbol, words, _KINDS, build, _duration_problem, synonyms, takes="duration", in_scope=True
    )


BEFORE = _comparing("before", "before", "is before", lambda one, other: one[1] < other[0], ("earlier_than",))
AFTER = _comparing(
    "after", "after", "is after", lambda one, other: one[0] > other[1], ("later_than", "since")
)
ON_OR_BEFORE = _comparing(
    "on_or_before",
    "on or before",
    "is on or before",
    lambda one, other: one[1] <= other[1],
    ("until", "not_after"),
)
ON_OR_AFTER = _comparing(
    "on_or_after", "on or after", "is on or after", lambda one, other: one[0] >= other[0], ("not_before",)
)
OLDER_THAN = _ageing(
    "older_than", "older than", "is older than", lambda one, then: one[1] < then, ("older", "age_over")
)
YOUNGER_THAN = _ageing(
    "younger_than",
    "younger than",
    "is younger than",
    lambda one, then: one[0] > then,
    ("younger", "newer_than"),
)
