"""Field paths: `action.<name>`, `action.payload.<path>`, `action.metadata.<key>`, `time.<name>`, `counter.<name>`,
`caller.<name>`, `order.<name>`.

Of a member of a list, `item` and `item.<path>`; `[*]` behind a list stands for all its members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rules_app.engine.facts import CALLER, FACTS, TEXT, Fact
from rules_app.engine.scope import MISSING, Scope
from rules_app.engine.suggest import nearest, unknown
from rules_app.engine.times import TIME_FIELDS, TimeField
from rules_app.engine.values import country_hint

Getter = Callable[[Scope], Any]
TEXT_FIELDS = (
    "namespace",
    "tenant",
    "provider",
    "action_type",
    "id",
    "dedup_key",
    "fingerprint",
    "status",
    "template",
)
_OF_ALL = (
    *(f"action.{name}" for name in (*TEXT_FIELDS, "payload", "metadata")),
    *(f"time.{name}" for name in TIME_FIELDS),
)
ROOTS = (*_OF_ALL, *FACTS)
_BY_LAST_NAME = {root.partition(".")[2]: root for root in _OF_ALL} | {"action.type": "action.action_type"}
ITEM, EACH = "item", "[*]"
EACH_ALONE = "stands for every member of a list: write any: {…} or all: {…} with the operator inside"
ITEM_ALONE = "is a member of a list: it is asked below any or all of a field with [*]"
COUNTER = "counter."  # and the name under which it is declared
MAX_PATH_LENGTH = 500
MAX_INDEX_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Field:
    """A parsed path. `is_text`: always text or missing; `clock` is set for time.*, `counter` for counter.*, `fact` for
    caller.* and order.*.
    """

    path: str
    get: Getter
    is_text: bool = False
    clock: TimeField | None = None
    counter: str = ""
    fact: Fact | None = None

    @property
    def is_country(self) -> bool:
        return not self.counter and names_country(self.path)

    def value_problem(self, value: Any, *, slack: int = 0) -> str | None:
        """Why the field can never have this value; `slack` lets an ordered operator name one past the end."""
        if self.fact:
            return self.fact.problem(value)
        if self.is_text or self.is_country:
            if isinstance(value, bool):
                return f"must be text for {self.path}: {country_hint(value)}"
            return None if isinstance(value, str) else f"must be text for {self.path}; quote it: '{value}'"
        if self.counter:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return None if number else f"must be a number for {self.path}"
        return self.clock.value_problem(value, self.path, slack) if self.clock else None


def names_country(path: str) -> bool:
    """Whether the last name of a path speaks of a country, whose codes are text."""
    return "country" in path.rpartition(".")[2].lower()


def parse_field(path: object, *, in_item: bool = False) -> Field | str:
    """The field of that path, or what is wrong with it. `in_item`: what is asked is a member of a list."""
    if not isinstance(path, str) or not path:
        return "must be a field path such as action.payload.total_cents"
    if len(path) > MAX_PATH_LENGTH:
        return f"must have at most {MAX_PATH_LENGTH} characters"
    if not path.isprintable():
        return "must not hold control characters"
    root, _, rest = path.partition(".")
    if EACH in path:
        return EACH_ALONE
    if root == ITEM:
        return _item_field(path, rest) if in_item else ITEM_ALONE
    if root == "time" and rest in TIME_FIELDS:
        return _time_field(path, TIME_FIELDS[rest])
    if root == "counter" and rest:
        return Field(path, _count(rest), counter=rest)
    if path in FACTS:
        return _fact_field(FACTS[path])
    if root == "action" and rest in TEXT_FIELDS:
        return Field(path, _attribute(rest), is_text=True)
    if root == "action" and rest.partition(".")[0] in ("payload", "metadata"):
        return _data_field(path, *rest.partition(".")[::2])
    return _unknown_field(path)


def _unknown_field(path: str) -> str:
    for root in ("payload", "metadata"):
        if path.startswith(f"{root}."):
            return f"unknown field '{path}', did you mean 'action.{path}'?"
    guess = nearest(path, ROOTS, _BY_LAST_NAME)
    return f"unknown field '{path}', did you mean '{guess}'?" if guess else unknown("field", path, ROOTS)


def _data_field(path: str, root: str, rest: str) -> Field | str:
    if not rest:
        return f"names the whole {root}; add what to look at, such as {path}.total_cents"
    if root == "metadata":
        return Field(path, _metadata(rest))
    segments = rest.split(".")
    if not all(segments):
        return "has an empty part between two dots"
    if len(segments) == 1:
        return Field(path, _payload_key(rest))
    return Field(path, _payload_path(tuple(segments)))


def split_list(path: str) -> tuple[str, str] | str:
    """`action.payload.items[*].sku` as the list and what is asked of a member: (action.payload.items, item.sku)."""
    head, _, rest = path.partition(EACH)
    if EACH in rest:
        return "has more than one [*]: ask about item.…[*] inside of any or all"
    if rest and not rest.startswith("."):
        return "goes on behind [*] with a dot, such as action.payload.items[*].sku"
    return head, f"{ITEM}{rest}"


def _item_field(path: str, rest: str) -> Field | str:
    if path == ITEM:
        return Field(path, lambda scope: scope.item)
    segments = tuple(rest.split("."))
    return (
        Field(path, lambda scope: walk(scope.item, segments))
        if all(segments)
        else "has an empty part between two dots"
    )


def _time_field(path: str, clock: TimeField) -> Field:
    read = clock.get
    return Field(path, lambda scope: read(scope.local()), clock=clock)


def _fact_field(fact: Fact) -> Field:
    path = fact.path

    def of_caller(scope: Scope) -> Any:
        return scope.action.caller.get(path, MISSING)

    def of_order(scope: Scope) -> Any:
        return scope.counts.order.get(path, MISSING)

    get = of_caller if fact.root == CALLER else of_order
    return Field(path, get, is_text=fact.kind == TEXT, fact=fact)


def _attribute(name: str) -> Getter:
    def get(scope: Scope) -> Any:
        value = getattr(scope.action, name)
        return MISSING if value is None else value

    return get


def _count(name: str) -> Getter:
    return lambda scope: scope.counts.values.get(name, MISSING)


def _payload_key(key: str) -> Getter:
    return lambda scope: scope.payload.get(key, MISSING)


def _payload_path(segments: tuple[str, ...]) -> Getter:
    return lambda scope: walk(scope.payload, segments)


def _metadata(rest: str) -> Getter:
    segments = tuple(rest.split("."))

    def get(scope: Scope) -> Any:
        # A label's own name may hold dots (app.example.org/team), so the whole rest is tried first.
        value = scope.action.metadata.get(rest, MISSING)
        return walk(scope.action.metadata, segments) if value is MISSING else value

    return get


def walk(value: Any, segments: tuple[str, ...]) -> Any:
    """What stands at the path inside a JSON value; a number is an index where it meets a list."""
    for segment in segments:
        if isinstance(value, Mapping):
            value = value.get(segment, MISSING)
        elif isinstance(value, list):
            value = _item(value, segment)
        else:
            return MISSING
    return value


def _item(items: list[Any], segment: str) -> Any:
    if not (segment.isascii() and segment.isdigit() and len(segment) <= MAX_INDEX_DIGITS):
        return MISSING
    index = int(segment)
    return items[index] if index < len(items) else MISSING
