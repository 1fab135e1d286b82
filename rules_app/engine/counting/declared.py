"""A counter as it is declared beside the rules, read strictly. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import name_problem
from rules_app.engine.conditions import Condition, parse_condition
from rules_app.engine.counting.windows import Window, parse_window
from rules_app.engine.fields import COUNTER, Field, parse_field
from rules_app.engine.scope import kind_of
from rules_app.engine.suggest import unknown
from rules_app.engine.times import zone_of
from rules_app.engine.values import text_problem

COUNT, DISTINCT, SUM = WHATS = ("count", "distinct", "sum")
ORDERS = "orders"
TENANT, NAMESPACE, EVERYWHERE = PERS = ("tenant", "namespace", "everywhere")
KEYS = (
    *("name", "description", *WHATS, "by", "where", "window", "timezone", "per", "with_this_order", "most"),
)
MAX_NAME, MAX_BY, MAX_CLAUSES, MAX_COUNTERS = 60, 4, 20, 50
DEFAULT_MOST, MOST = 1_000, 10_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_OTHERWISE = {
    "shared": EVERYWHERE,
    "all": EVERYWHERE,
    "everyone": EVERYWHERE,
    "shop": TENANT,
    "store": TENANT,
}
Problems = list[FieldProblem]


@dataclass(frozen=True, slots=True, eq=False)
class Counter:
    """`what` ∈ WHATS of the accepted actions that `where` holds of; `of` is the field whose values are told apart or
    added up. Actions that agree in all fields of `by` are counted together, `per` tenant, namespace, or everywhere.

    `since`: when it began to count, RFC 3339; empty where nothing is counted yet, so that it is 0.
    """

    name: str
    what: str
    window: Window
    of: Field | None = None
    by: tuple[Field, ...] = ()
    where: Condition | None = None
    per: str = TENANT
    with_this: bool = False
    most: int = DEFAULT_MOST
    description: str = ""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    since: str = ""

    @property
    def path(self) -> str:
        """As conditions name it."""
        return f"{COUNTER}{self.name}"

    @property
    def capped(self) -> bool:
        """Whether it tells numbers beyond `most` no more apart."""
        return self.what == DISTINCT or (self.what == COUNT and bool(self.window.seconds))

    def of_in_words(self) -> str:
        """The field whose values are told apart or added up."""
        return _short(self.of) if self.of else ""

    def in_words(self) -> str:
        """For example: orders with the same customer email in 1 day."""
        what = "orders" if self.of is None else f"{_VERBS[self.what]} {_short(self.of)}"
        by = " and ".join(_short(one) for one in self.by)
        same = f" with the same {by}" if by else ""
        where = f" where {_shortened(self.where.text)}" if self.where else ""
        return f"{what}{where}{same} {self.window.in_words()}{_SCOPES[self.per]}"


_VERBS = {DISTINCT: "distinct", SUM: "sum of"}
_SCOPES = {TENANT: "", NAMESPACE: ", over all tenants of the namespace", EVERYWHERE: ", over all namespaces"}


def _short(one: Field) -> str:
    return _shortened(one.path).removesuffix("_cents").replace("_", " ").replace(".", " ")


def _shortened(text: str) -> str:
    return text.replace("action.payload.", "").replace("action.", "")


def parse_counter(spec: Any, default_zone: str = "UTC", since: str = "") -> tuple[Counter | None, Problems]:
    """The counter that `spec` describes, or None and every problem found in it."""
    if not isinstance(spec, Mapping):
        return None, [FieldProblem("counter", f"must be an object, not {kind_of(spec)}")]
    reader = _Reader(spec)
    counter = reader.counter(default_zone, since)
    return (None if reader.problems else counter), reader.problems


class _Reader:
    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec = spec
        self.problems = [FieldProblem(str(key), unknown("key", key, KEYS)) for key in spec if key not in KEYS]

    def refuse(self, key: str, message: str) -> None:
        self.problems.append(FieldProblem(key, message))

    def counter(self, default_zone: str, since: str) -> Counter:
        window = self._window()
        what, of = self._what()
        found = Counter(
            name=self._name(),
            what=what,
            window=window or Window(1),
            of=of,
            by=self._by(),
            where=self._where(),
            per=self._per(),
            with_this=self._flag("with_this_order"),
            most=self._most(),
            description=self._description(),
            zone=self._zone(window) or zone_of(default_zone) or ZoneInfo("UTC"),
            since=since,
        )
        if "most" in self.spec and found.window.calendar and what != DISTINCT:
            self.refuse(
                "most", "is for spans and distinct values: a number in a window of the calendar has no limit"
            )
        return found

    def _name(self) -> str:
        name = self.spec.get("name")
        if "name" not in self.spec:
            self.refuse("name", "is missing")
        elif problem := name_problem(name, longest=MAX_NAME):
            self.refuse("name", problem)
        elif not _NAME.fullmatch(str(name)):
            self.refuse(
                "name", "must be letters, digits, - and _, and begin with a letter: rules name it in a path"
            )
        return str(name)

    def _window(self) -> Window | None:
        if "window" not in self.spec:
            self.refuse("window", "is missing: a span such as 24h, or today, this_week or this_month")
            return None
        found = parse_window(self.spec["window"])
        if isinstance(found, Window):
            return found
        self.refuse("window", found)
        return None

    def _zone(self, window: Window | None) -> ZoneInfo | None:
        name = self.spec.get("timezone")
        if name is None:
            return None
        if window is not None and not window.calendar:
            self.refuse("timezone", "is for today, this_week and this_month; a span is as long everywhere")
        zone = zone_of(name) if isinstance(name, str) and name else None
        if zone is None:
            self.refuse(
                "timezone", f"unknown time zone {name!r}; names look like 'US/Eastern' or 'Europe/London'"
            )
        return zone

    def _what(self) -> tuple[str, Field | None]:
        named = [what for what in WHATS if what in self.spec]
        if len(named) != 1:
            self.refuse("counter", "needs one of count: orders, distinct: <field> or sum: <field>")
            return COUNT, None
        (what,) = named
        if what != COUNT:
            return what, self._field(self.spec[what], what)
        if self.spec[what] != ORDERS:
            self.refuse(what, f"must be {ORDERS}; to count the different values of a field write distinct")
        return what, None

    def _field(self, path: Any, place: str) -> Field | None:
        found = parse_field(path)
        if isinstance(found, str):
            self.refuse(place, found)
        elif not found.path.startswith("action."):
            self.refuse(place, "must be a field of the action, such as action.payload.customer.email")
        else:
            return found
        return None

    def _by(self) -> tuple[Field, ...]:
        value = self.spec.get("by", [])
        paths = [value] if isinstance(value, str) else value
        if not isinstance(paths, list | tuple) or len(paths) > MAX_BY:
            self.refuse(
                "by", f"must be a list of at most {MAX_BY} fields, such as action.payload.customer.email"
            )
            return ()
        found = [self._field(path, f"by[{index}]") for index, path in enumerate(paths)]
        return tuple(one for one in found if one)

    def _where(self) -> Condition | None:
        if "where" not in self.spec:
            return None
        condition = parse_condition(self.spec["where"], "where", self.problems)
        leaves = list(condition.leaves()) if condition else []
        if any(not leaf.field.path.startswith("action.") for leaf in leaves):
            self.refuse("where", "may look at the action only: not at the clock, and not at counters")
        if len(leaves) > MAX_CLAUSES:
            self.refuse("where", f"must have at most {MAX_CLAUSES} clauses")
        return condition

    def _per(self) -> str:
        value = self.spec.get("per", TENANT)
        if value not in PERS:
            self.refuse("per", unknown("per", value, PERS, _OTHERWISE))
        return str(value)

    def _flag(self, key: str) -> bool:
        value = self.spec.get(key, False)
        if not isinstance(value, bool):
            self.refuse(key, f"must be true or false, not {kind_of(value)}")
        return value is True

    def _most(self) -> int:
        value = self.spec.get("most", DEFAULT_MOST)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
            self.refuse("most", f"must be a whole number from 1 to {MOST}")
            return DEFAULT_MOST
        return value

    def _description(self) -> str:
        value = self.spec.get("description", "")
        problem = (
            text_problem(value, 2_000) if isinstance(value, str) else f"must be text, not {kind_of(value)}"
        )
        if problem:
            self.refuse("description", problem)
        return str(value)
