"""An action that meets a term, built from its values and believed only once the real engine has decided it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

from acteon_site.base.clock_text import rfc3339
from rules_app.checking.ground import Ground
from rules_app.checking.literals import KNOWN, Key, Literal, Term
from rules_app.checking.space import PAYLOAD, Schema
from rules_app.checking.values import NOTHING, SOMETHING, operands_of
from rules_app.engine import ActionView, Rule, RuleSet
from rules_app.engine.counting import empty_counts
from rules_app.engine.facts import CALLER, FACTS
from rules_app.engine.fields import TEXT_FIELDS
from rules_app.engine.scope import MISSING, Scope
from rules_app.engine.times import TIME_FIELDS

USUAL = {
    "namespace": "shop",
    "tenant": "a-tenant",
    "provider": "a-provider",
    "action_type": "something",
    "id": "example-1",
}
_METADATA = "action.metadata."
_MOST_MOMENTS = 6_000
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    action: ActionView
    at: datetime

    def as_dict(self) -> dict[str, Any]:
        names = (
            "namespace",
            "tenant",
            "provider",
            "action_type",
            "dedup_key",
            "fingerprint",
            "status",
            "template",
        )
        shown = {name: value for name in names if (value := getattr(self.action, name)) is not None}
        if self.action.metadata:
            shown["metadata"] = dict(self.action.metadata)
        return {**shown, "payload": self.action.payload, "at": rfc3339(self.at)}


def example_of(term: Term, ground: Ground) -> Example | None:
    """An action of the term as it comes in, with what its lifecycle requires; None where none is found.

    What a modify changes on the way is not followed: ask the engine whether the example shows what it should.
    """
    if not all(one.operator in KNOWN for one in term):
        return None
    schema = ground.space.schema_of(term)
    values = ground.space.values(frozenset(one for one in term if not one.key.path.startswith("time.")))
    if NOTHING in values.values() or SOMETHING in values.values():
        return None
    at = _moment(term, ground.question.now)
    return Example(_action(values, schema, ground), at) if at else None


def _action(values: Mapping[Key, Any], schema: Schema | None, ground: Ground) -> ActionView:
    facts: dict[str, Any] = {**_usual(ground), "payload": _required(schema, ground), "metadata": {}}
    for key, value in sorted(values.items(), key=lambda pair: pair[0]):
        if key.path.startswith(PAYLOAD):
            if value is not MISSING:
                _put(facts["payload"], key.path.removeprefix(PAYLOAD).split("."), value)
        elif key.path.startswith(_METADATA):
            if value is not MISSING:
                facts["metadata"][key.path.removeprefix(_METADATA)] = value
        elif key.path in FACTS:
            if FACTS[key.path].root == CALLER and value is not MISSING:
                facts.setdefault("caller", {})[key.path] = value
        elif (name := key.path.partition(".")[2]) in TEXT_FIELDS and value is not MISSING:
            facts[name] = value
    return ActionView(**facts)


def _usual(ground: Ground) -> dict[str, Any]:
    named = {schema.namespace for schema in ground.question.schemas if schema.namespace != "*"}
    return {**USUAL, "namespace": min(named, default=USUAL["namespace"])}


def _required(schema: Schema | None, ground: Ground) -> dict[str, Any]:
    """A value for each payload field that the action's lifecycle does not let be left out."""
    fields = schema.fields if schema else {}
    needed = {name: domain for name, domain in fields.items() if "missing" not in domain.kinds}
    found = {name: ground.space.value(domain, frozenset()) for name, domain in needed.items()}
    return {name: value for name, value in found.items() if value is not SOMETHING and value is not NOTHING}


def _put(payload: Any, path: list[str], value: Any) -> None:
    """At the dotted path; a number is an item of a list. What does not go together is left: the engine will tell."""
    for name, following in pairwise(path):
        inner: Any = [] if following.isdigit() else {}
        payload = _step(payload, name, inner)
    _step(payload, path[-1], value, always=True)


def _step(inside: Any, name: str, value: Any, *, always: bool = False) -> Any:
    if isinstance(inside, list) and name.isdigit() and int(name) < 100:
        inside.extend({} for _ in range(int(name) + 1 - len(inside)))
        if always:
            inside[int(name)] = value
        return inside[int(name)]
    if isinstance(inside, dict):
        if always:
            inside[name] = value
        return inside.setdefault(name, value)
    return {}


def _moment(term: Term, now: datetime) -> datetime | None:
    """The first of many likely moments at which every clause about the clock holds."""
    clauses = [literal for literal in term if literal.key.path.startswith("time.")]
    if not clauses:
        return now
    return next((at for at in _moments(clauses, now) if all(_shows(one, at) for one in clauses)), None)


def _shows(literal: Literal, at: datetime) -> bool:
    name = literal.key.path.removeprefix("time.")
    return literal.holds(TIME_FIELDS[name].get(at.astimezone(ZoneInfo(literal.key.zone))))


def _moments(clauses: list[Literal], now: datetime) -> Iterator[datetime]:
    zone = ZoneInfo(clauses[0].key.zone)
    local = now.astimezone(zone)
    for day, clock in islice(product(_days(clauses, local.date()), _clocks(clauses)), _MOST_MOMENTS):
        yield datetime.combine(day, clock, zone).astimezone(UTC)


def _days(clauses: list[Literal], today: date) -> Iterator[date]:
    named = {
        one for literal in clauses for one in operands_of(literal) if isinstance(one, str) and len(one) == 10
    }
    for text in sorted(named):
        try:
            around = date.fromisoformat(text)
        except ValueError:
            continue
        if _FIRST_YEAR < around.year < _LAST_YEAR:  # a day beyond would leave the calendar
            yield from (around, around + timedelta(days=1), around - timedelta(days=1))
    near = [today + timedelta(days=number) for number in range(8)]
    yield from near
    yield from (date(today.year + 1, month, day) for month in range(1, 13) for day in (1, 15, 28))
    stamps = [
        int(one)
        for literal in clauses
        if literal.key.path in ("time.timestamp", "time.year")
        for one in operands_of(literal)
        if type(one) in (int, float)
    ]
    for stamp in stamps:
        if _FIRST_YEAR < stamp < _LAST_YEAR:
            yield from (date(year, 6, 1) for year in (stamp - 1, stamp, stamp + 1))


def _clocks(clauses: list[Literal]) -> list[time]:
    found = [time(hour) for hour in range(24)]
    minutes = {0}
    for literal in clauses:
        for one in operands_of(literal):
            if isinstance(one, str) and len(one) == 5 and one[2] == ":":
                found += _around(time.fromisoformat(one))
            elif literal.key.path == "time.minute" and type(one) in (int, float):
                minutes |= {min(59, max(0, int(one) + step)) for step in (-1, 0, 1)}
    return [*found, *(time(hour, minute) for minute in sorted(minutes - {0}) for hour in range(24))]


def _around(clock: time) -> Iterable[time]:
    at = clock.hour * 60 + clock.minute
    return [time(*divmod(minute, 60)) for minute in (at, at + 1, at - 1) if 0 <= minute < 24 * 60]


def shorter(rule_set: RuleSet, left_out: Rule) -> RuleSet:
    """The set without this rule."""
    return RuleSet(
        0,
        tuple(rule for rule in rule_set.rules if rule is not left_out),
        rule_set.default_timezone,
        rule_set.counters,
    )


def meets(rule: Rule, example: Example, rule_set: RuleSet) -> bool:
    """Whether the rule's own condition holds of the example as it comes in."""
    zone = rule.zone or rule_set.zone
    counts = empty_counts(rule_set.counters, example.action)
    scope = Scope(example.action, example.at, zone, counts=counts)
    if rule.effect and rule.effect.outside(example.at, zone):
        return False
    try:
        return rule.covers(example.action) and rule.condition.test(scope)
    except LookupError:  # what a named list holds is not known here
        return False
