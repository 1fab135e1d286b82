"""Tables that the apps fill, so that whoever reads them need not know the apps.

Each app lists what it brings in its `parts.py`, and its `apps.py` names that module. They are imported by the first
look into any table: a command that looks into none starts in half the time. Servers and workers have them loaded before
they begin, so that a mistake stops their start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from threading import RLock
from typing import Any, Generic, TypeVar

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
_not_loaded: list[str] = []
_loading = RLock()


class Registry(Mapping[str, T]):
    """Things of one sort by their names, in the order in which they came. Closed by the first look into it.

    `noun` is what one of them is called in an error; `key` the attribute that holds its name.
    """

    def __init__(self, noun: str, *, key: str = "name") -> None:
        self._noun = noun
        self._key: Callable[[Any], str] = attrgetter(key)
        self._things: dict[str, T] = {}
        self._closed = False

    def add(self, *things: T) -> None:
        """Raises ValueError for a name that is there already, and once somebody has read the table."""
        for thing in things:
            name = self._key(thing)
            if self._closed:
                raise ValueError(f"{self._noun} {name!r} comes too late: the table has been read")
            if name in self._things:
                raise ValueError(f"there is a {self._noun} named {name!r} already")
            self._things[name] = thing

    def _read(self) -> dict[str, T]:
        if not self._closed:
            parts_load()
            self._closed = True
        return self._things

    def __getitem__(self, name: str) -> T:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    # One table is not another, whatever stands in them: apps say by the table itself where their parts belong.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Hook(Generic[F]):
    """A function in a registry, and its name there."""

    name: str
    call: F


def register(parts: Mapping[Registry[Any], Sequence[Any]]) -> None:
    """Add what one app brings, each to its table."""
    for registry, things in parts.items():
        registry.add(*things)


def parts_from(module: str) -> None:
    """The module has a table of `PARTS`; nobody needs it before the first look into one of theirs."""
    _not_loaded.append(module)


def parts_load() -> None:
    """Import what `parts_from` was told of, and register it in that order. Raises what importing raises."""
    with _loading:
        while _not_loaded:
            register(import_module(_not_loaded.pop(0)).PARTS)
