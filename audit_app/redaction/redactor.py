"""What must not be seen in the trail, and how it is blanked. Pure.

A field is redacted by its name (any depth, case-insensitive) or by a dotted path; the path may begin at any
depth. The value of a redacted field is a secret: where it has six characters or more it is blanked in every
other text too, as is any card-like number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from audit_app.redaction.card_numbers import LOWEST, SHORTEST, is_card_number, without_cards
from audit_app.redaction.seen_secrets import note_seen, seen_secrets

DEFAULT_PLACEHOLDER = "[REDACTED]"
SHORTEST_SECRET = 6
DEEPEST = 100
_MEMO_SIZE = 4096
_PREFIXES = ("action.payload.", "origin.payload.", "payload.")


Path = tuple[str, ...]


class Redactor:
    """Knows which fields are secret. `paths` may map each path to a placeholder of its own."""

    def __init__(
        self, paths: Iterable[str] | Mapping[str, str] = (), placeholder: str = DEFAULT_PLACEHOLDER
    ) -> None:
        self.placeholder = _safe(placeholder)
        pairs = paths.items() if isinstance(paths, Mapping) else [(path, placeholder) for path in paths]
        self._paths = {_components(path): _safe(mark) for path, mark in pairs if path.strip()}
        self._dotted = {path for path in self._paths if len(path) > 1}
        self._names = {path[0]: mark for path, mark in self._paths.items() if len(path) == 1}
        self._memo: dict[str, str | None] = {}
        self._variants: dict[Path, Redactor] = {}
        self._assignment = _assignment_pattern({path[-1] for path in self._paths})

    def scrubber(self, payload: Any = None, tainted: Collection[str] = ()) -> Scrubber:
        """A scrubber that knows the secrets of this payload.

        `tainted` are names or dotted paths of fields that were rendered from a redacted one.
        """
        return Scrubber(self._with(tuple(sorted(tainted))) if tainted else self, payload)

    def mark(self, key: str, above: Path) -> str | None:
        """The placeholder for the value under this key, or None where it may be seen."""
        try:
            mark = self._memo[key]
        except KeyError:
            mark = self._remember(key)
        if mark is not None or not self._dotted:
            return mark
        return self._dotted_mark((*above, *key.casefold().split(".")))

    def hides(self, name: str) -> bool:
        """Whether a field of this name is redacted anywhere: as such, or as the end of a dotted path."""
        return any(path[-1] == name.casefold() for path in self._paths)

    @property
    def needs_paths(self) -> bool:
        return bool(self._dotted)

    def named_values(self, text: str) -> str:
        """Blank what stands behind a redacted name in text: `card_last4=4242`, `"card_last4": "4242"`."""
        if self._assignment is None or (":" not in text and "=" not in text):
            return text
        return self._assignment.sub(lambda match: match[1] + self._named(match[2]), text)

    def _named(self, name: str) -> str:
        return self._names.get(name.casefold(), self.placeholder)

    def _remember(self, key: str) -> str | None:
        if len(self._memo) > _MEMO_SIZE:
            self._memo.clear()
        folded = key.casefold()
        mark = self._names.get(folded) or self._names.get(folded.rpartition(".")[2])
        self._memo[key] = mark
        return mark

    def _dotted_mark(self, path: Path) -> str | None:
        for start in range(len(path) - 1):
            if path[start:] in self._dotted:
                return self._paths[path[start:]]
        return None

    def _with(self, tainted: Path) -> Redactor:
        held = self._variants.get(tainted)
        if held is None:
            marks = {".".join(path): mark for path, mark in self._paths.items()}
            held = Redactor({**dict.fromkeys(tainted, self.placeholder), **marks}, self.placeholder)
            if len(self._variants) > _MEMO_SIZE:
                self._variants.clear()
            self._variants[tainted] = held
        return held


class Scrubber:
    """Blanks what one payload (and whatever else it was shown) holds of secrets."""

    __slots__ = ("_redactor", "_secrets", "payload")

    def __init__(self, redactor: Redactor, payload: Any = None) -> None:
        self._redactor = redactor
        self._secrets: dict[str, str] = {}
        self.payload: Any = None if payload is None else self.clean(payload)

    def clean(self, value: Any) -> Any:
        """A redacted copy of any JSON-like value. Cycles and bottomless nesting become the placeholder."""
        before = len(self._secrets)
        cleaned = self._walk(value, (), set())
        if len(self._secrets) > before:
            # A secret may stand in a text before the field that gives it away.
            cleaned = self._walk(cleaned, (), set())
        return cleaned

    def text(self, text: str) -> str:
        if len(text) < SHORTEST_SECRET:
            return text
        if self._secrets:
            text = self._without_secrets(text)
        if len(text) >= SHORTEST:
            text = without_cards(text, self._redactor.placeholder)
        return self._redactor.named_values(text)

    def _walk(self, value: Any, above: Path, on_path: set[int]) -> Any:
        kind = type(value)
        if kind is str:
            return value if len(value) < SHORTEST_SECRET else self.text(value)
        if value is None or kind is bool:
            return value
        if kind is int or kind is float:
            return self._number(value)
        if isinstance(value, Mapping):
            return self._inside(value, above, on_path, self._mapping)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._inside(value, above, on_path, self._items)
        return self.text(str(value)) if isinstance(value, (str, bytes, Exception)) else value

    def _inside(self, value: Any, above: Path, on_path: set[int], walk: Callable[..., Any]) -> Any:
        if id(value) in on_path or len(on_path) >= DEEPEST:
            return self._redactor.placeholder
        on_path.add(id(value))
        try:
            return walk(value, above, on_path)
        finally:
            on_path.discard(id(value))

    def _mapping(self, value: Mapping[Any, Any], above: Path, on_path: set[int]) -> dict[str, Any]:
        redactor, result = self._redactor, {}
        needs_paths = redactor.needs_paths
        for key, inner in value.items():
            name = key if type(key) is str else str(key)
            mark = redactor.mark(name, above)
            shown = name if len(name) < SHORTEST_SECRET else self._key(name)
            if mark is None:
                below = (*above, *name.casefold().split(".")) if needs_paths else above
                result[shown] = self._walk(inner, below, on_path)
            else:
                self._learn(inner, mark, 0)
                result[shown] = None if inner is None else mark
        return result

    def _items(self, value: Iterable[Any], above: Path, on_path: set[int]) -> list[Any]:
        return [self._walk(item, above, on_path) for item in value]

    def _key(self, name: str) -> str:
        if self._secrets:
            name = self._without_secrets(name)
        return without_cards(name, self._redactor.placeholder) if len(name) >= SHORTEST else name

    def _number(self, value: float) -> Any:
        if value - value != 0:
            return str(value)  # NaN and Infinity are no JSON
        if self._secrets and (mark := self._secrets.get(str(value))):
            return mark
        if value >= LOWEST and value == value // 1 and is_card_number(int(value)):
            return self._redactor.placeholder
        return value

    def _learn(self, value: Any, mark: str, depth: int) -> None:
        """Remember every leaf of a redacted value, in the spellings that other texts may carry."""
        if isinstance(value, Mapping):
            value = value.values()
        elif isinstance(value, (str, int, float)):
            self._learn_text(str(value).strip(), mark)
            return
        if isinstance(value, Iterable) and depth < DEEPEST:
            for inner in value:
                self._learn(inner, mark, depth + 1)

    def recall(self) -> Scrubber:
        """Also blank the secrets seen lately in this request or task: for its log lines."""
        self._secrets.update(seen_secrets())
        return self

    def _learn_text(self, secret: str, mark: str) -> None:
        if len(secret) < SHORTEST_SECRET or secret in self._secrets or secret in self._marks():
            return
        in_json = json.dumps(secret)[1:-1]
        spellings = {secret, quote(secret, safe=""), quote_plus(secret), in_json}
        self._secrets.update(dict.fromkeys(spellings, mark))
        note_seen(spellings, mark)

    def _marks(self) -> set[str]:
        return {self._redactor.placeholder, *self._secrets.values()}

    def _without_secrets(self, text: str) -> str:
        lower = text.lower()
        found = [secret for secret in self._secrets if secret in text or secret.lower() in lower]
        if not found:
            return text
        either = "|".join(re.escape(secret) for secret in sorted(found, key=len, reverse=True))
        return re.sub(either, self._mark_of, text, flags=re.IGNORECASE)

    def _mark_of(self, match: re.Match[str]) -> str:
        return self._secrets.get(match[0], self._redactor.placeholder)


def _components(path: str) -> Path:
    folded = path.strip().casefold()
    for prefix in _PREFIXES:
        folded = folded.removeprefix(prefix)
    return tuple(folded.split("."))


def _safe(placeholder: str) -> str:
    """A placeholder without digits: one that held some could join its neighbours to a new number."""
    return DEFAULT_PLACEHOLDER if not placeholder or re.search(r"\d", placeholder) else placeholder


def _assignment_pattern(names: Collection[str]) -> re.Pattern[str] | None:
    if not names:
        return None
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    quote_mark = r"\\*[\"']"
    quoted = rf"{quote_mark}[^\"'\\]*{quote_mark}"
    bare = r"[^\s,;&\"'\\\[\]{}()]+"
    head = rf"(?<![^\W_])({either})(?:{quote_mark})?\s*(?:[:=]|=>)\s*"
    return re.compile(rf"({head})(?:{quoted}|{bare})", re.IGNORECASE)
