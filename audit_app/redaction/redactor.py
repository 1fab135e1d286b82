"""Which fields are redacted, and how that is told of a key. Pure.

A field is redacted by its name (any depth, case and joining), or by a dotted path that may begin at any depth; the
words of a name may be spread over keys, too: `card_number` is also the `number` of a `card`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from acteon_site.base.cards import without_cards
from audit_app.redaction.field_names import (
    assignment_pattern,
    compact,
    holds_part_of_a_card,
    without_prefix,
    words,
)
from audit_app.redaction.scrubber import Scrubber

DEFAULT_PLACEHOLDER = "[REDACTED]"
_MEMO_SIZE = 4096
_LONGEST_REMEMBERED = 64
_MOST_PARTS = 8

Path = tuple[str, ...]


class Key(NamedTuple):
    """What is known of a key at its place. `mark` is the placeholder for its value, None where that may be seen.

    `shown` is the key without card numbers, `below` the keys down to here that a name may begin with, and `part`
    whether its value may be a part of a card number.
    """

    mark: str | None
    shown: str
    below: Path
    part: bool


class Redactor:
    """Knows which fields are secret. `paths` may map each path to a placeholder of its own."""

    def __init__(
        self, paths: Iterable[str] | Mapping[str, str] = (), placeholder: str = DEFAULT_PLACEHOLDER
    ) -> None:
        self.placeholder = _safe(placeholder)
        pairs = paths.items() if isinstance(paths, Mapping) else [(path, placeholder) for path in paths]
        self._paths = {without_prefix(path): _safe(mark) for path, mark in pairs if path.strip()}
        self._names = {compact(path): mark for path, mark in self._paths.items()}
        self._words = [frozenset(words(path)) for path in self._paths]
        self._starts = {name[:end] for name in self._names for end in range(1, len(name))}
        self._longest = max(map(len, self._names), default=0)
        ends = {path.rpartition(".")[2] for path in self._paths}
        self._ends = {compact(end) for end in ends}
        self._assignment = assignment_pattern(ends)
        self._memo: dict[tuple[str, Path], Key] = {}
        self._variants: dict[Path, Redactor] = {}

    def scrubber(self, payload: Any = None, tainted: Collection[str] = ()) -> Scrubber:
        """A scrubber that knows the secrets of this payload.

        `tainted` are names or dotted paths of fields that were rendered from a redacted one.
        """
        return Scrubber(self._with(tuple(sorted(tainted))) if tainted else self, payload)

    def key(self, name: str, above: Path) -> Key:
        """What is known of this key below the others."""
        known = self._memo.get((name, above))
        return known if known is not None else self._remember(name, above)

    def hides(self, name: str) -> bool:
        """Whether a field of this name is redacted anywhere: as such, or as the end of a dotted path."""
        own = compact(name)
        return own in self._ends or own in self._names

    def hides_any(self, names: Collection[str]) -> bool:
        """Whether who reads fields of these names may read a redacted one: `card` and `number` are `card_number`."""
        read = {word for name in names for word in words(name)}
        return any(map(self.hides, names)) or any(found <= read for found in self._words if len(found) > 1)

    def named_values(self, text: str) -> str:
        """Blank what stands behind a redacted name in text: `card_last4=4242`, `"card_last4": "4242"`."""
        if self._assignment is None or (":" not in text and "=" not in text):
            return text
        return self._assignment.sub(lambda match: match[1] + self._named(match[2]), text)

    def _named(self, name: str) -> str:
        return self._names.get(compact(name), self.placeholder)

    def _remember(self, name: str, above: Path) -> Key:
        mark, below = self._mark(name, above)
        if len(name) > _LONGEST_REMEMBERED:
            return Key(mark, without_cards(name, self.placeholder), below, part=False)
        key = Key(mark, without_cards(name, self.placeholder), below, holds_part_of_a_card(name))
        if len(self._memo) > _MEMO_SIZE:
            self._memo.clear()
        self._memo[name, above] = key
        return key

    def _mark(self, name: str, above: Path) -> tuple[str | None, Path]:
        """The placeholder by the longest name that ends here, and the keys above with which one may go on below."""
        path = (*above, *map(compact, name.split(".")[-_MOST_PARTS:]))
        joined, mark, kept = "", None, 0
        for count, part in enumerate(reversed(path), 1):
            joined = part + joined
            if len(joined) > self._longest:
                break
            mark = self._names.get(joined, mark)
            kept = count if joined in self._starts else kept
        return mark, path[len(path) - kept :]

    def _with(self, tainted: Path) -> Redactor:
        held = self._variants.get(tainted)
        if held is None:
            held = Redactor({**dict.fromkeys(tainted, self.placeholder), **self._paths}, self.placeholder)
            if len(self._variants) > _MEMO_SIZE:
                self._variants.clear()
            self._variants[tainted] = held
        return held


def _safe(placeholder: str) -> str:
    """A placeholder without digits: one that held some could join its neighbours to a new number."""
    return DEFAULT_PLACEHOLDER if not placeholder or re.search(r"\d", placeholder) else placeholder
