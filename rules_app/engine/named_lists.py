"""Lists that rules use by name: which of several is asked for an action, and whether it holds a value. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from rules_app.engine.suggest import nearest

EXACT, FOLDED = MATCHINGS = ("exact", "folded")
OPERATORS = ("in_named_list", "not_in_named_list")
ALL = "*"
Identity = tuple[str, str, str]  # name, namespace, tenant
Tested = Callable[[str], Hashable]


def normalised(value: str, matching: str) -> str:
    """The form in which the list compares: as it stands, or without case and blanks at the ends."""
    return value.strip().casefold() if matching == FOLDED else value


def places(namespace: str, tenant: str) -> tuple[tuple[str, str], ...]:
    """Where a list is looked for: the tenant's, the namespace's, the one that all share. The first there is counts."""
    return (namespace, tenant), (namespace, ALL), (ALL, ALL)


class Content(Protocol):
    """What a list holds."""

    def holds(self, value: str, now: datetime) -> bool:
        """Whether the value is on it at that moment."""


def _as_it_is(value: str) -> Hashable:
    return value


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A list in memory: when each entry expires (None: never), by what `key_of` makes of its value."""

    expiries: Mapping[Any, datetime | None] = field(default_factory=dict)
    matching: str = EXACT
    key_of: Tested = _as_it_is

    def holds(self, value: str, now: datetime) -> bool:
        key = self.key_of(normalised(value, self.matching))
        if key not in self.expiries:
            return False
        expiry = self.expiries[key]
        return expiry is None or now < expiry


class Lists:
    """Named lists as they were in one version. A name that leads nowhere raises: rules then fail closed."""

    __slots__ = ("_lists", "version")

    def __init__(self, lists: Mapping[Identity, Content] | None = None, version: int = 0) -> None:
        self._lists = lists or {}
        self.version = version

    def find(self, name: str, namespace: str, tenant: str) -> Identity | None:
        """The list that an action of this tenant is asked about."""
        named = ((name, *place) for place in places(namespace, tenant))
        return next((identity for identity in named if identity in self._lists), None)

    def matching(self, name: str) -> str:
        """How a list of that name compares; exactly, where none is held here."""
        held = (one for identity, one in self._lists.items() if identity[0] == name and isinstance(one, Held))
        return next((one.matching for one in held), EXACT)

    def holds(self, name: str, namespace: str, tenant: str, value: str, now: datetime) -> bool:
        identity = self.find(name, namespace, tenant)
        if identity is None:
            raise LookupError(f"there is no list named {name} for {namespace}/{tenant}")
        return self._lists[identity].holds(value, now)


NO_LISTS = Lists()


def lists_named(condition: Any, path: str = "condition") -> Iterator[tuple[str, str]]:
    """Each place of a condition's spec that names a list, with the name; also of a spec that does not parse."""
    if isinstance(condition, Mapping):
        for key, inner in condition.items():
            if key in OPERATORS:
                if isinstance(inner, str):
                    yield f"{path}.{key}", inner
            elif key in ("all", "any", "not"):
                yield from lists_named(inner, f"{path}.{key}")
    elif isinstance(condition, list | tuple):
        for index, inner in enumerate(condition):
            yield from lists_named(inner, f"{path}[{index}]")


def covering(name: str, namespace: str, tenant: str) -> tuple[Identity, ...]:
    """The lists each of which is there for every action that a rule of this namespace and tenant can meet."""
    scopes = [(ALL, ALL)]
    if namespace != ALL:
        scopes += [(namespace, ALL)] + ([(namespace, tenant)] if tenant != ALL else [])
    return tuple((name, *scope) for scope in scopes)


def uncovered(spec: Mapping[str, Any], known: Collection[Identity]) -> Iterator[tuple[str, str]]:
    """Each place of a rule's spec that names a list which is not there for all that the rule is for, and why."""
    yield from not_there(lists_named(spec.get("condition")), spec, known, "list", " (it may be empty)")


def not_there(
    named: Iterable[tuple[str, str]],
    spec: Mapping[str, Any],
    known: Collection[Identity],
    noun: str,
    hint: str = "",
) -> Iterator[tuple[str, str]]:
    """The same of whatever a rule's spec names, place by place, and is looked for like lists."""
    scope = [str(spec.get(name) or ALL) for name in ("namespace", "tenant")]
    for place, name in named:
        if not any(identity in known for identity in covering(name, *scope)):
            yield place, _why_uncovered(name, "/".join(scope), known, noun, hint)


def _why_uncovered(name: str, scope: str, known: Collection[Identity], noun: str, hint: str) -> str:
    narrower = sorted("/".join(identity[1:]) for identity in known if identity[0] == name)
    if narrower:
        return (
            f"names the {noun} '{name}', which is there for {', '.join(narrower[:3])} only, "
            f"and the rule is for {scope}: make one for {scope}{hint}, or narrow the rule"
        )
    names = sorted({identity[0] for identity in known})
    guess = nearest(name, names) if names else None
    return f"names what does not exist: there is no {noun} '{name}'" + (
        f", did you mean '{guess}'?" if guess else "; make it first"
    )
