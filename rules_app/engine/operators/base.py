"""What an operator is, and the checks of operands that several families share.

Operators are typed and total and never raise. A missing or mistyped value makes every one of them false but
the exact negations (`ne`, `not_in_list`, `not_in_cidr` and those ignoring case: nothing that is missing equals
anything), `exists: false` and `is_null: true`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.scope import MISSING, Scope, kind_of
from rules_app.engine.values import country_hint, scalar_problem

Test = Callable[[Any], bool]
# Of operators that ask more than the value: (value, scope).
TestInScope = Callable[[Any, Scope], bool]
# The kinds of value that fields hold: `moment` is a date or a time of day of the clock as text, `date` one of an order,
# `choice` one of a fixed few words.
TEXT, NUMBER, YES_NO, LIST, MOMENT, CHOICE, DATE = KINDS = (
    "text",
    "number",
    "yes_no",
    "list",
    "moment",
    "choice",
    "date",
)
NUMBERS = frozenset((int, float))
SHOWN_MEMBERS = 8
MAX_LIST = 10_000


@dataclass(frozen=True, slots=True)
class Operator:
    """`build` turns an operand that `problem` accepted into a test of a value.

    `symbol` is how conditions are shown, `words` how they are said; `kinds` are the kinds of value that it is offered
    for; `synonyms` are words that people write in its place, answered with "did you mean".

    `takes` ∈ value, ordered, values, text, texts, count, yes_no, moment, duration, list_name: what its operand is.
    `in_scope`: the test is also given the scope. `compares`: how it compares two fields, where it can.
    """

    name: str
    symbol: str
    words: str
    kinds: frozenset[str]
    build: Callable[[Any], Callable[..., bool]]
    problem: Callable[[Any, Field], str | None]
    synonyms: tuple[str, ...] = ()
    takes: str = "value"
    in_scope: bool = False
    compares: Callable[[Any, Any, Scope], bool] | None = None

    @property
    def word(self) -> str:
        """How a condition names it: `eq`, also where it compares with another field."""
        return self.name.partition(" ")[0]

    def mistyped(self, operand: Any, value: Any) -> bool:
        """Whether the value is of a type that this operator and operand can never speak about."""
        return kind_of(value) != kind_of(sample_of(operand))

    def wanted(self, operand: Any) -> str:
        """The name of the type that it speaks about."""
        return kind_of(sample_of(operand))

    def note(self, path: str, operand: Any, value: Any, *, holds: bool) -> str | None:
        """Why the field's value could not really be compared, or None. Names types, never values."""
        if value is MISSING:
            found = "missing"
        elif self.mistyped(operand, value):
            found = f"{kind_of(value)}, not {self.wanted(operand)}"
        else:
            return None
        return f"{path} is {found}, so {self.word} is {str(holds).lower()}"

    def text(self, path: str, operand: Any) -> str:
        """A clause as people read it, for example action.payload.total_cents >= 50000."""
        return f"{path} {self.symbol} {operand_text(operand)}"

    def sentence(self, label: str, operand: Any, shown: Callable[[Any], str]) -> str:
        """The same in the business's words, for example: total is at least $500.00. `shown` writes one value."""
        return f"{label} {self.words} {_listed(operand, shown)}"


def sample_of(operand: Any) -> Any:
    return operand[0] if isinstance(operand, list) else operand


class TextOperator(Operator):
    """Speaks about text alone, whatever its operand is."""

    def mistyped(self, operand: Any, value: Any) -> bool:
        return type(value) is not str

    def wanted(self, operand: Any) -> str:
        return "text"


def names_field(operand: Any) -> bool:
    """Whether the operand is another field: {field: action.payload.billing_country}."""
    return isinstance(operand, Mapping) and set(operand) == {"field"}


def operand_text(operand: Any) -> str:
    if names_field(operand):
        return str(operand["field"])
    if not isinstance(operand, list):
        return json.dumps(operand, ensure_ascii=False)
    shown = ", ".join(json.dumps(member, ensure_ascii=False) for member in operand[:SHOWN_MEMBERS])
    more = f", … {len(operand) - SHOWN_MEMBERS} more" if len(operand) > SHOWN_MEMBERS else ""
    return f"[{shown}{more}]"


def _listed(operand: Any, shown: Callable[[Any], str]) -> str:
    if not isinstance(operand, list):
        return shown(operand)
    *first, last = [shown(member) for member in operand[:SHOWN_MEMBERS]]
    if len(operand) > SHOWN_MEMBERS:
        return f"{', '.join((*first, last))} or {len(operand) - SHOWN_MEMBERS} more"
    return f"{', '.join(first)} or {last}" if first else last


def text_operand_problem(operand: Any, field: Field) -> str | None:
    """For operators that look into text: the operand must be some, and the field able to hold it."""
    if field.clock and field.clock.is_number:
        return clock_problem(field)
    if isinstance(operand, bool):
        return f"must be text: {country_hint(operand)}"
    if not isinstance(operand, str):
        return scalar_problem(operand) or f"must be text, not {kind_of(operand)}; quote it"
    return some_text_problem(operand)


def several_texts_problem(operand: Any, field: Field) -> str | None:
    """For operators that take one text or a list of them."""
    if not isinstance(operand, list | tuple):
        return text_operand_problem(operand, field)
    if not operand:
        return "must not be an empty list"
    if len(operand) > MAX_LIST:
        return f"must have at most {MAX_LIST} members, has {len(operand)}"
    problems = ((index, text_operand_problem(one, field)) for index, one in enumerate(operand))
    return next((f"member {index + 1} {problem}" for index, problem in problems if problem), None)


def texts_of(operand: str | list[str]) -> tuple[str, ...]:
    return (operand,) if isinstance(operand, str) else tuple(operand)


def some_text_problem(operand: str) -> str | None:
    return scalar_problem(operand) if operand else "must not be empty"


def clock_problem(field: Field) -> str:
    return f"works on text, but {field.path} belongs to the clock; compare it with eq, in_list, gte or lt"
