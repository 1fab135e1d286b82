"""The fields that a condition may be built from, each with what people need to choose it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from acteon_site.base.money import is_amount
from rules_app.engine import facts
from rules_app.engine.fields import COUNTER, TEXT_FIELDS, names_country
from rules_app.engine.operators.base import CHOICE, DATE, LIST, MOMENT, NUMBER, TEXT, YES_NO
from rules_app.engine.spans import read_moment
from rules_app.engine.times import TIME_FIELDS, WEEKDAYS, TimeField
from rules_app.engine.words import label_from_name

MAX_EXAMPLE = 60
_FACT_KINDS = {facts.TEXT: TEXT, facts.NUMBER: NUMBER}
_CLOCK_EXAMPLES = {"date": "2025-12-24", "clock": "09:30"}


@dataclass(frozen=True, slots=True)
class KnownField:
    """`kind` ∈ KINDS, or nothing where it is not known; `source` ∈ order, action, clock, counter, seen.

    `choices` are values to offer; of a kind `choice` they are all that there are. An `amount` counts its currency's
    smallest unit.
    """

    path: str
    label: str
    kind: str = ""
    source: str = "seen"
    example: Any = None
    choices: tuple[Any, ...] = ()

    @property
    def amount(self) -> bool:
        return self.kind in ("", NUMBER) and is_amount(self.path)

    def as_dict(self) -> dict[str, Any]:
        names = ("path", "label", "kind", "source", "example", "choices", "amount")
        return {name: getattr(self, name) for name in names}


def own_fields(choices: Mapping[str, tuple[str, ...]]) -> list[KnownField]:
    """What every action has, with the values to offer by path; action_type, the most asked, first."""
    paths = sorted((f"action.{name}" for name in TEXT_FIELDS), key=lambda path: path != "action.action_type")
    return [
        KnownField(
            path, label_from_name(path), TEXT, "action", _first(choices.get(path, ())), choices.get(path, ())
        )
        for path in paths
    ]


def clock_fields() -> list[KnownField]:
    return [_clock_field(name, clock) for name, clock in TIME_FIELDS.items()]


def fact_fields() -> list[KnownField]:
    """Who sent the action, and of a refund its order."""
    return [
        KnownField(
            fact.path,
            fact.label,
            CHOICE if fact.choices else _FACT_KINDS[fact.kind],
            "action",
            choices=fact.choices,
        )
        for fact in facts.FACTS.values()
    ]


def counter_fields(names: Iterable[str]) -> list[KnownField]:
    """Those that are declared under these names."""
    paths = (f"{COUNTER}{name}" for name in names)
    return [KnownField(path, label_from_name(path), NUMBER, "counter") for path in paths]


def _clock_field(name: str, clock: TimeField) -> KnownField:
    path = f"time.{name}"
    label = label_from_name(path)
    if clock.is_number:
        return KnownField(
            path, f"{label} (1 is Monday)" if name == "weekday_num" else label, NUMBER, "clock", clock.low
        )
    if clock.ordered:
        return KnownField(path, label, MOMENT, "clock", _CLOCK_EXAMPLES[name])
    return KnownField(path, label, CHOICE, "clock", WEEKDAYS[0], WEEKDAYS)


def kind_of_value(path: str, value: Any) -> str:
    """The kind of a value that was seen there; nothing for what no operator speaks about."""
    if read_moment(value) is not None and not names_country(path):
        return DATE
    if names_country(path) or isinstance(value, str):
        return TEXT
    if isinstance(value, bool):
        return YES_NO
    if isinstance(value, int | float):
        return NUMBER
    return LIST if isinstance(value, list) else ""


def example_of(value: Any) -> Any:
    """The value, short enough to stand beside a field."""
    text = value if isinstance(value, str) else None
    if text is not None:
        return text if len(text) <= MAX_EXAMPLE else f"{text[:MAX_EXAMPLE]}…"
    return value if isinstance(value, bool | int | float) else None


def _first(values: tuple[str, ...]) -> str | None:
    return values[0] if values else None
