"""What an operator is, and the checks of operands that several families share.

Operators are typed and total and never raise. A missing or mistyped value makes every one of them false but
the two exact negations `ne` and `not_in_list` (nothing that is missing equals anything), `exists: false` and
`is_null: true`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.scope import MISSING, Scope, kind_of
from rules_app.engine.values import country_hint, scalar_problem

Test = Callable[[Any], bool]
# The kinds of value that fields hold: `moment` is a date or a time of day as text, `choice` one of a fixed few words.
TEXT, NUMBER, YES_NO, LIST, MOMENT, CHOICE = KINDS = ("text", "number", "yes_no", "list", "moment", "choice")
NUMBERS = frozenset((int, float))
SHOWN_MEMBERS = 8


@dataclass(frozen=True, slots=True)
class Operator:
    """`build` turns an operand that `problem` accepted into a test of a value.

    `symbol` is how conditions are shown, `words` how they are said; `kinds` are the kinds of value that it is offered
    for; `synonyms` are words that people write in its place, answered with "did you mean".
    """

    name: str
    symbol: str
    words: str
    kinds: frozenset[str]
    build: Callable[[Any], Test]
    problem: Callable[[Any, Field], str | None]
    synonyms: tuple[str, ...] = ()

    def bound(self, operand: Any, get: Callable[[Scope], Any]) -> Callable[[Scope], bool]:
        """The test of the value that `get` finds in a scope."""
        fits = self.build(operand)
        return lambda scope: fits(get(scope))

    def mistyped(self, operand: Any, value: Any) -> bool:
        """Whether the value is of a type that this operator and operand can never speak about."""
        return kind_of(value) != kind_of(sample_of(operand))

    def note(self, path: str, operand: Any, value: Any) -> str | None:
        """Why the field's value could not really be compared, or None. Names types, never values."""
        if value is MISSING:
            found = "missing"
        elif self.mistyped(operand, value):
            found = f"{kind_of(value)}, not {kind_of(sample_of(operand))}"
        else:
            return None
        return f"{path} is {found}, so {self.name} is {str(self.build(operand)(value)).lower()}"

    def text(self, path: str, operand: Any) -> str:
        """A clause as people read it, for example action.payload.total_cents >= 50000."""
        return f"{path} {self.symbol} {operand_text(operand)}"

    def sentence(self, label: str, operand: Any, shown: Callable[[Any], str]) -> str:
        """The same in the business's words, for example: total is at least $500.00. `shown` writes one value."""
        return f"{label} {self.words} {_listed(operand, shown)}"


def sample_of(operand: Any) -> Any:
    return operand[0] if isinstance(operand, list) else operand


def operand_text(operand: Any) -> str:
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


def some_text_problem(operand: str) -> str | None:
    return scalar_problem(operand) if operand else "must not be empty"


def clock_problem(field: Field) -> str:
    return f"works on text, but {field.path} belongs to the clock; compare it with eq, in_list, gte or lt"
