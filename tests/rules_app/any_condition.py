"""Random conditions of the whole language, and payloads that they may meet. From a seed: thousands cost a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from rules_app.engine.operators.registry import AGAINST_FIELDS, OPERATORS

KEYS = ("a", "b", "items", "0", "other")
DAYS = (
    "2026-03-11",
    "2026-03-10",
    "2026-03-11T03:30:00Z",
    "2026-03-10T23:30:00-04:00",
    "2026-03-01T09:00:00",
)
TEXTS = (
    *("", "NK", "nk", "5", "true", "ab", "AB", "xab", "Straße", "STRASSE", "\uff21b", "\ud800", "not a date"),
    *(
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "2001:db8::1",
        "010.1.1.1",
        "a@b.example",
        "a@x.B.example.",
        "@b.example",
    ),
    *DAYS,
    *("9999-12-31", "0001-01-01T00:00:00+14:00", "2026-02-30"),
)
NUMBERS = (0, 1, 2, 5, 5.0, -1, 2.5, 10**20, float("nan"))
NAMES = ("place_order", "refund")


def _one_of(*values: Any) -> Callable[[Random], Any]:
    return lambda rng: rng.choice(values)


def _some_of(*values: Any) -> Callable[[Random], Any]:
    return lambda rng: rng.sample(values, rng.randrange(1, 3))


_value = _one_of("NK", "ab", "Straße", "2026-03-11", 5, 2.5, True, False)
_text = _one_of("a", "ab", "NK", "A", "5", "straSSe")
_number = _one_of(0, 1, 5, 2.5, "2026-03-11")
_texts = _some_of("ab", "NK", "5", "strasse", "Straße")
_count = _one_of(0, 1, 2, 3, 4)
_networks = _some_of("10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "0.0.0.0/0", "192.0.2.0/24")
_domains = _some_of("b.example", "example", "x.b.example", "other.test")
_flag = _one_of(True, False)
_BY_WHAT_IT_TAKES: dict[str, Callable[[Random], Any]] = {
    "value": _value,
    "ordered": _number,
    "values": _texts,
    "text": _text,
    "texts": _texts,
    "count": _count,
    "yes_no": _flag,
    "moment": _one_of("2026-03-11", "2026-03-11T03:30:00Z", "2026-03-01T09:00:00", "9999-12-31"),
    "duration": _one_of("1d", "PT12H", "2w"),
}
_BY_NAME = {
    **dict.fromkeys(("in_cidr", "not_in_cidr"), _networks),
    **dict.fromkeys(("email_domain", "email_domain_within"), _domains),
    "matches": _one_of("^a+", "[A-Z]{2}", "(a|b)*c"),
}
# What is on a list that is kept beside the rules stands in no condition.
_OF_VALUES = [name for name, one in OPERATORS.items() if one.takes != "list_name"]


def any_payload(rng: Random) -> dict[str, Any]:
    return {key: any_value(rng, 3) for key in KEYS if rng.random() < 0.8}


def any_value(rng: Random, depth: int) -> Any:
    kind = rng.randrange(10 if depth else 6)
    if kind < 4:
        return rng.choice(TEXTS)
    if kind < 6:
        return rng.choice((*NUMBERS, True, False, None))
    if kind < 8:
        return [any_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {key: any_value(rng, depth - 1) for key in KEYS if rng.random() < 0.6}


def any_condition(rng: Random, depth: int = 3) -> dict[str, Any]:
    kind = rng.randrange(9) if depth else 0
    if kind < 4:
        return any_clause(rng, any_path(rng))
    if kind < 6:
        return any_members(rng, any_path(rng), 2)
    if kind == 6:
        return {"not": any_condition(rng, depth - 1)}
    many = [any_condition(rng, depth - 1) for _ in range(rng.randrange(1, 4))]
    return {rng.choice(("all", "any")): many}


def any_path(rng: Random) -> str:
    return ".".join(("action.payload", *rng.choices(KEYS, k=rng.choice((1, 1, 1, 2)))))


def any_clause(rng: Random, path: str) -> dict[str, Any]:
    """A comparison of the field with a value, or with another field."""
    if rng.random() < 0.2:
        other = "action.payload.other.b" if path.endswith(".other") else "action.payload.other"
        return {"field": path, rng.choice(list(AGAINST_FIELDS)): {"field": other}}
    name = rng.choice(_OF_VALUES)
    return {"field": path, name: _BY_NAME.get(name, _BY_WHAT_IT_TAKES[OPERATORS[name].takes])(rng)}


def any_members(rng: Random, path: str, depth: int) -> dict[str, Any]:
    """any or all of a list's members: one field of each, several, or lists inside of them."""
    word, rest = rng.choice(("any", "all")), rng.choice(("", ".a"))
    return {"field": f"{path}[*]{rest}", word: _of_member(rng, depth)}


def _of_member(rng: Random, depth: int) -> dict[str, Any]:
    kind = rng.randrange(6) if depth else 0
    if kind == 3:
        return {rng.choice(("all", "any")): [_of_member(rng, depth - 1) for _ in range(2)]}
    if kind == 4:
        return {"not": _of_member(rng, depth - 1)}
    if kind == 5:
        return any_members(rng, rng.choice(("item", "item.items")), depth - 1)
    clause = any_clause(rng, rng.choice(("item", "item.a", "item.b", "item.items.0")))
    return {key: value for key, value in clause.items() if key != "field"} if rng.random() < 0.2 else clause


def shuffled(condition: Mapping[str, Any], rng: Random) -> dict[str, Any]:
    """The same condition with the clauses of every group in another order."""
    result: dict[str, Any] = {}
    for key, value in condition.items():
        if key in ("all", "any", "not") and isinstance(value, Mapping):
            result[key] = shuffled(value, rng)
        elif key in ("all", "any"):
            inner = [shuffled(one, rng) for one in value]
            result[key] = rng.sample(inner, len(inner))
        else:
            result[key] = value
    return result
