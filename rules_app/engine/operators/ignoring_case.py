"""`…_ignoring_case`: operators of text by what it says, not by how it is written.

Both sides are folded, by NFKC and Unicode's full case folding: STRASSE is straße, and a full-width A is an a. Numbers
and true/false stay what they are. Nothing is trimmed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache
from typing import Any
from unicodedata import combining, normalize

from rules_app.engine.fields import Field
from rules_app.engine.operators import containing, equality, membership, text_ends
from rules_app.engine.operators.base import CHOICE, LIST, TEXT, Operator, Test, several_texts_problem
from rules_app.engine.values import country_hint

MOST_MARKS = 64  # in a row: sorting a run of combining marks takes the square of its length


def folded(text: str) -> str:
    """Equal for texts that differ in case or in compatible spellings alone; folding twice changes nothing more.

    What has more combining marks in a row than any writing stays as it is.
    """
    if text.isascii():
        return text.lower()
    if len(text) > MOST_MARKS and _too_many_marks().search(text):
        return text
    return normalize("NFKC", normalize("NFKC", normalize("NFD", text).casefold()).casefold())


@cache
def _too_many_marks() -> re.Pattern[str]:
    marks = "".join(char for char in map(chr, range(sys.maxunicode + 1)) if combining(char))
    return re.compile(f"[{marks}]{{{MOST_MARKS + 1}}}")


def _folded_value(value: Any) -> Any:
    if type(value) is str:
        return folded(value)
    if isinstance(value, list):
        return [folded(one) if type(one) is str else one for one in value]
    return value


def _ignoring_case(build: Callable[[Any], Test]) -> Callable[[Any], Test]:
    def ignoring(operand: Any) -> Test:
        _too_many_marks()  # made while rules are read, not while one decides
        test = build(_folded_value(operand))
        return lambda value: test(_folded_value(value))

    return ignoring


def _problem(inner: Callable[[Any, Field], str | None]) -> Callable[[Any, Field], str | None]:
    def problem(operand: Any, field: Field) -> str | None:
        found = inner(operand, field)
        if found or isinstance(operand, str):
            return found
        if isinstance(operand, list | tuple):
            return several_texts_problem(operand, field)
        hint = f": {country_hint(operand)}" if isinstance(operand, bool) else ""
        return f"must be text, which alone has upper and lower case{hint}"

    return problem


def _of(one: Operator) -> Operator:
    """The same operator, ignoring case."""
    return type(one)(
        f"{one.name}_ignoring_case",
        f"{one.symbol} (ignoring case)",
        f"{one.words}, ignoring case,",
        one.kinds & {TEXT, LIST, CHOICE},
        _ignoring_case(one.build),
        _problem(one.problem),
        tuple(f"{one.name}_{word}" for word in ("ignore_case", "case_insensitive", "folded")),
        "texts" if one.takes == "values" else "text",
    )


EQ, NE = _of(equality.EQ), _of(equality.NE)
IN_LIST, NOT_IN_LIST = _of(membership.IN_LIST), _of(membership.NOT_IN_LIST)
CONTAINS, NOT_CONTAINS = _of(containing.CONTAINS), _of(containing.NOT_CONTAINS)
STARTS_WITH, ENDS_WITH = _of(text_ends.STARTS_WITH), _of(text_ends.ENDS_WITH)
