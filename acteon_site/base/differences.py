"""What differs between two specs, as people say it: where, from what, to what. Pure.

Objects of a list that have a `name` are known by it, so that one that was put in between changes no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 200
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Change:
    """`before` is empty where something was added, `after` where it was removed."""

    where: str
    before: str
    after: str

    def __str__(self) -> str:
        if not self.before:
            return f"{self.where} added: {self.after}"
        return f"{self.where}: {self.before} → {self.after}" if self.after else f"{self.where} removed"


def changes(before: Any, after: Any, where: str = "") -> list[Change]:
    """In the order of what is there now; what is gone comes last."""
    return list(_changes(before, after, where))


def _changes(before: Any, after: Any, where: str) -> Iterator[Change]:
    if before == after:
        return
    old, new = _parts(before), _parts(after)
    if old is None or new is None:
        yield Change(where or "value", _words(before), _words(after))
        return
    for name in [*new, *(name for name in old if name not in new)]:
        inner = f"{where} {name}".strip()
        yield from _changes(old.get(name, _NOTHING), new.get(name, _NOTHING), inner)
    if list(old) != list(new) and old == new:
        yield Change(f"order of {where}".strip(), ", ".join(map(str, old)), ", ".join(map(str, new)))


def _parts(value: Any) -> dict[str, Any] | None:
    """What an object, or a list of named ones, consists of; None for what is changed as a whole."""
    if isinstance(value, Mapping):
        return {str(name): inner for name, inner in value.items()}
    if (
        isinstance(value, list)
        and value
        and all(isinstance(inner, Mapping) and inner.get("name") for inner in value)
    ):
        named = {str(inner["name"]): inner for inner in value}
        return named if len(named) == len(value) else None
    return None


def _words(value: Any) -> str:
    if value is _NOTHING:
        return ""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
