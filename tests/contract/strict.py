"""A strict reader of answers: it fails on a key too few, a key too many, and a value of another kind.

Written by hand from the contract, so that it knows nothing of the code it checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

Check = Callable[[Any, str], None]
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_CODE = re.compile(r"[A-Z][A-Z0-9_]*")


def text(value: Any, path: str) -> None:
    assert isinstance(value, str), f"{path}: {value!r} is no text"


def filled(value: Any, path: str) -> None:
    assert isinstance(value, str), f"{path}: {value!r} is no text"
    assert value, f"{path} is empty"


def integer(value: Any, path: str) -> None:
    """A JSON number without a point: Go's and Java's clients read no `1.0` into an integer."""
    assert type(value) is int, f"{path}: {value!r} is no integer"


def number(value: Any, path: str) -> None:
    assert type(value) in (int, float), f"{path}: {value!r} is no number"


def boolean(value: Any, path: str) -> None:
    assert type(value) is bool, f"{path}: {value!r} is not true or false"


def anything(value: Any, path: str) -> None:
    """Whatever JSON value."""


def null(value: Any, path: str) -> None:
    assert value is None, f"{path}: {value!r} is not null"


def mapping(value: Any, path: str) -> None:
    assert isinstance(value, dict), f"{path}: {value!r} is no object"


def time(value: Any, path: str) -> None:
    text(value, path)
    assert _TIME.fullmatch(value), f"{path}: {value!r} is no RFC 3339 time in UTC with a Z"
    datetime.fromisoformat(value)


def uuid(value: Any, path: str) -> None:
    text(value, path)
    assert str(UUID(value)) == value, f"{path}: {value!r} is no lower-case UUID"


def code(value: Any, path: str) -> None:
    text(value, path)
    assert _CODE.fullmatch(value), f"{path}: {value!r} is not in UPPER_SNAKE"


def texts(value: Any, path: str) -> None:
    """An object whose values are texts, as Go and Rust read labels."""
    mapping(value, path)
    for name, inner in value.items():
        text(inner, f"{path}.{name}")


def one_of(*allowed: Any) -> Check:
    def check(value: Any, path: str) -> None:
        assert value in allowed, f"{path}: {value!r} is none of {allowed}"

    return check


def exactly(wanted: Any) -> Check:
    return one_of(wanted)


def or_null(inner: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if value is not None:
            inner(value, path)

    return check


def listed(inner: Check) -> Check:
    def check(value: Any, path: str) -> None:
        assert isinstance(value, list), f"{path}: {value!r} is no array"
        for position, item in enumerate(value):
            inner(item, f"{path}[{position}]")

    return check


@dataclass(frozen=True)
class Shape:
    """An object with exactly these keys. `optional` ones may be left out, but not be null.

    `extra` are keys that this gateway adds beyond the contract, on purpose; they are always there.
    """

    keys: Mapping[str, Check]
    optional: Mapping[str, Check] = field(default_factory=dict)
    extra: Mapping[str, Check] = field(default_factory=dict)

    def __call__(self, value: Any, path: str = "$") -> None:
        mapping(value, path)
        always, all_keys = {**self.keys, **self.extra}, {**self.keys, **self.extra, **self.optional}
        missing, unknown = always.keys() - value.keys(), value.keys() - all_keys.keys()
        assert not missing, f"{path} lacks {sorted(missing)}"
        assert not unknown, f"{path} has {sorted(unknown)} too much"
        for name, inner in value.items():
            all_keys[name](inner, f"{path}.{name}")


@dataclass(frozen=True)
class _Counted(Shape):
    list_name: str = ""

    def __call__(self, value: Any, path: str = "$") -> None:
        super().__call__(value, path)
        assert value["count"] == len(value[self.list_name]), f"{path}.count is not the list's length"


def wrapped(name: str, item: Check) -> Shape:
    """A list: `{"<name>": [...], "count": n}`, the count being the list's length."""
    return _Counted({name: listed(item), "count": integer}, list_name=name)
