"""What actions there can be: every field's domain, from the engine, the clock and what lifecycles declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules_app.checking.literals import KNOWN, Key, Literal, Term, equals
from rules_app.checking.values import ANY, NOTHING, SOMETHING, Domain, find_value, operands_of
from rules_app.engine.facts import FACTS, Fact
from rules_app.engine.facts import TEXT as FACT_TEXT
from rules_app.engine.fields import TEXT_FIELDS
from rules_app.engine.times import TIME_FIELDS, WEEKDAYS

PAYLOAD = "action.payload."
_FACTS = frozenset(f"action.{name}" for name in ("namespace", "tenant", "provider", "action_type"))
_ALWAYS = ("namespace", "tenant", "provider", "action_type", "id")
_TEXT, _MAYBE_TEXT = Domain(frozenset(("text",))), Domain(frozenset(("text", "missing")))
_COUNT = Domain(frozenset(("integer", "missing")), 0)
_CLOCK = tuple(f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60))


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """What one lifecycle declares of the payloads of the actions that it claims; `*` claims all.

    `fields` are domains of payload fields, with "missing" and "null" among their kinds where not required; `names`:
    the payload names the order, so that the same one is never placed twice.
    """

    name: str
    action_type: str
    namespace: str = "*"
    tenant: str = "*"
    fields: Mapping[str, Domain] = field(default_factory=dict)
    names: bool = False

    @property
    def scope(self) -> tuple[tuple[str, str], ...]:
        given = {"action_type": self.action_type, "namespace": self.namespace, "tenant": self.tenant}
        return tuple((f"action.{name}", value) for name, value in given.items() if value != "*")

    @property
    def closeness(self) -> int:
        weights = ((self.action_type, 4), (self.tenant, 2), (self.namespace, 1))
        return sum(weight for value, weight in weights if value != "*")


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """One value for each field of a term, and the lifecycle that claims its actions."""

    values: Mapping[Key, Any]
    schema: Schema | None


class Space:
    """Answers whether any action can meet a term. Remembers what it was asked."""

    def __init__(self, schemas: Sequence[Schema] = ()) -> None:
        self._schemas = sorted(schemas, key=lambda schema: (-schema.closeness, schema.name))
        self._values: dict[tuple[int, frozenset[Literal]], Any] = {}
        self._possible: dict[Term, bool] = {}
        self._pins: dict[Term, Mapping[Key, frozenset[str]]] = {}
        self._points: dict[Term, Point | None] = {}
        self._claims = {
            schema.name: [equals(path, value) for path, value in schema.scope] for schema in schemas
        }

    def possible(self, term: Term) -> bool:
        """False where certainly no action meets all of the term."""
        known = self._possible.get(term)
        if known is None:
            known = self._possible[term] = NOTHING not in self.values(term).values()
        return known

    def values(self, term: Term) -> dict[Key, Any]:
        """A value for every field of the term, as `find_value` gives them; ends with the first NOTHING."""
        groups: dict[Key, set[Literal]] = {}
        for literal in term:
            groups.setdefault(literal.key, set()).add(literal)
        schema, found = self.schema_of(term), {}
        for key, literals in groups.items():
            found[key] = self.value(self.domain(key, schema), frozenset(literals))
            if found[key] is NOTHING:
                break
        return found

    def meet(self, one: Term, other: Term) -> bool:
        """False where certainly no action meets both. Quick where they name other action types or tenants."""
        pinned = self._pinned(other)
        if any(key in pinned and not values & pinned[key] for key, values in self._pinned(one).items()):
            return False
        return self.possible(one | other)

    def _pinned(self, term: Term) -> Mapping[Key, frozenset[str]]:
        """The texts that a fact of the action must be one of."""
        known = self._pins.get(term)
        if known is None:
            known = self._pins[term] = {
                literal.key: frozenset(map(str, operands_of(literal)))
                for literal in term
                if literal.positive and literal.operator in ("eq", "in_list") and literal.key.path in _FACTS
            }
        return known

    def point(self, term: Term) -> Point | None:
        """One way to meet the term: a value for each of its fields; None where none is known."""
        if term not in self._points:
            values = self.values(term)
            known = not any(value is NOTHING or value is SOMETHING for value in values.values())
            self._points[term] = Point(values, self.schema_of(term)) if known else None
        return self._points[term]

    def at(self, point: Point, term: Term) -> bool:
        """Whether the point, completed by values of the same kind for all other fields, meets the term too."""
        for literal in term:
            key = literal.key
            if key in point.values:
                value = point.values[key]
            else:
                value = self.value(self.domain(key, point.schema), frozenset())
            if literal.operator not in KNOWN or literal.holds(value):
                continue
            return False
        return True

    def value(self, domain: Domain, literals: frozenset[Literal]) -> Any:
        asked = (id(domain), literals)
        if asked not in self._values:
            self._values[asked] = find_value(domain, literals)
        return self._values[asked]

    def domain(self, key: Key, schema: Schema | None) -> Domain:
        root, _, name = key.path.partition(".")
        if root == "time":
            return _TIMES[name]
        if root == "counter":
            return _COUNT
        if key.path in FACTS:
            return _fact_domain(FACTS[key.path])
        if name in TEXT_FIELDS:
            return _TEXT if name in _ALWAYS else _MAYBE_TEXT
        declared = schema.fields.get(key.path.removeprefix(PAYLOAD)) if schema else None
        return declared or ANY

    def schema_of(self, term: Term) -> Schema | None:
        """The lifecycle that claims every action of the term; None where there is none, or it depends."""
        for schema in self._schemas:
            if all(self._implied(term, claim) for claim in self._claims[schema.name]):
                return schema
            if self._may_claim(term, schema):
                return None
        return None

    def likely(self, term: Term) -> list[Schema]:
        """The lifecycles of the term's action type that could claim its actions, in whatever namespace they come."""
        return [
            schema
            for schema in self._schemas
            if self._may_claim(term, schema)
            and all(
                self._implied(term, claim)
                for claim in self._claims[schema.name]
                if claim.key.path == "action.action_type"
            )
        ]

    def _implied(self, term: Term, claim: Literal) -> bool:
        if claim in term:
            return True
        about = [literal for literal in term if literal.key == claim.key]
        return bool(about) and self._value_of(claim.key, [*about, claim.opposite]) is NOTHING

    def _may_claim(self, term: Term, schema: Schema) -> bool:
        return all(
            self._value_of(claim.key, [claim, *(one for one in term if one.key == claim.key)]) is not NOTHING
            for claim in self._claims[schema.name]
        )

    def _value_of(self, key: Key, literals: Iterable[Literal]) -> Any:
        return self.value(self.domain(key, None), frozenset(literals))


def _fact_domain(fact: Fact) -> Domain:
    """Missing where nobody is asked for it: of what is no refund, of a caller that is not known."""
    kinds = ("text",) if fact.kind == FACT_TEXT else ("integer",)
    return Domain(frozenset((*kinds, "missing")), members=fact.choices or None)


def _clock_domain(name: str) -> Domain:
    known = TIME_FIELDS[name]
    if known.is_number:
        return Domain(frozenset(("integer",)), known.low, known.high)
    if name == "weekday":
        return Domain(frozenset(("text",)), members=WEEKDAYS)
    if name == "clock":
        return Domain(frozenset(("text",)), members=_CLOCK)
    return Domain(frozenset(("text",)), "1970-01-01", "9999-12-31")


_TIMES = {name: _clock_domain(name) for name in TIME_FIELDS}
