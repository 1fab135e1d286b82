"""One comparison of a condition: a field, an operator and its operand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules_app.engine.fields import ITEM, Field
from rules_app.engine.operators.base import Operator
from rules_app.engine.operators.other_field import other_field_note
from rules_app.engine.scope import MISSING, Scope

if TYPE_CHECKING:
    from rules_app.engine.conditions import Condition

MOST_NOTED = 50


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One comparison. `other`: the field that the operand names; `inner`: what is asked of each member of a list."""

    field: Field
    operator: Operator
    operand: Any
    other: Field | None = None
    inner: Condition | None = None

    def fits(self, scope: Scope) -> Callable[[Any], bool]:
        """The comparison as a test of any value of the field, all else being as it is in the scope."""
        test = self.operator.build(self.inner.test if self.inner else self.operand)
        return (lambda value: test(value, scope)) if self.operator.in_scope else test

    def reads(self) -> frozenset[str]:
        """The paths that it looks at. Members of a list are looked at where the list is."""
        paths = {self.field.path} | (self.inner.fields() if self.inner else set())
        paths |= {self.other.path} if self.other else set()
        return frozenset(path for path in paths if path.partition(".")[0] != ITEM)

    def note(self, scope: Scope) -> str | None:
        """Why this clause could not really compare, or None. Names types, never values."""
        value = self.field.get(scope)
        holds = self.fits(scope)(value)
        met = self.other.get(scope) if self.other else self.operand
        found = None
        if not self.other or value is MISSING or self.operator.takes == "moment":
            found = self.operator.note(self.field.path, met, value, holds=holds)
        if self.other and not found:
            return other_field_note(self.operator, self.other, value, met, holds=holds)
        return found or (self._member_note(value, scope) if self.inner else None)

    def _member_note(self, members: list[Any], scope: Scope) -> str | None:
        """What the first member tells that could not really be compared."""
        outer = getattr(scope, ITEM, None)
        try:
            for number, scope.item in enumerate(members[:MOST_NOTED]):
                if self.inner and (notes := self.inner.notes(scope)):
                    return f"{self.field.path}.{number}: {notes[0]}"
            return None
        finally:
            scope.item = outer

    def asks_zone(self) -> bool:
        """Whether what it says depends on the rule's time zone."""
        clock = self.field.clock or (self.other and self.other.clock)
        dates = self.operator.takes in ("moment", "duration")
        return bool(clock) or dates or bool(self.inner and self.inner.asks_zone())
