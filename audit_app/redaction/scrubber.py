"""Blanks what one payload, and whatever else it is shown, holds of secrets. Pure.

The value of a redacted field is a secret: where it has six characters or more it is blanked in every other text too,
as is any card number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from acteon_site.base.cards import LONGEST, SHORTEST, is_card, without_cards
from audit_app.redaction.seen_secrets import note_seen, seen_secrets
from audit_app.redaction.split_cards import Part, fields_of_split_cards

if TYPE_CHECKING:
    from audit_app.redaction.redactor import Path, Redactor

SHORTEST_SECRET = 6
DEEPEST = 100
LOWEST = 10 ** (SHORTEST - 1)
MOST_SECRETS = 400


class Scrubber:
    """Blanks what one payload (and whatever else it was shown) holds of secrets.

    Every text is sought for every secret, so that MOST_SECRETS bounds the work: who has more loses all texts instead.
    """

    __slots__ = ("_known", "_redactor", "_secrets", "_source", "payload")

    def __init__(self, redactor: Redactor, payload: Any = None) -> None:
        self._redactor = redactor
        self._secrets: dict[str, str] = {}
        self._source: Any = None
        self.payload: Any = None if payload is None else self.clean(payload)
        self._source, self._known = payload, len(self._secrets)

    def clean(self, value: Any) -> Any:
        """A redacted copy of any JSON-like value. Cycles and bottomless nesting become the placeholder.

        The scrubber's own payload is not walked again while no secret was met since.
        """
        if value == {}:
            return {}
        before = len(self._secrets)
        if value is self._source and value is not None and before == self._known:
            return self.payload
        cleaned = self._walk(value, (), set())
        if len(self._secrets) > before:
            # A secret may stand in a text before the field that gives it away.
            cleaned = self._again(cleaned)
        return cleaned

    def text(self, text: str) -> str:
        if len(text) < SHORTEST_SECRET:
            return text
        if self._secrets:
            text = self._without_secrets(text)
        if len(text) >= SHORTEST:
            text = without_cards(text, self._redactor.placeholder)
        return self._redactor.named_values(text) if ":" in text or "=" in text else text

    def recall(self) -> Scrubber:
        """Also blank the secrets seen lately in this request or task: for its log lines."""
        self._secrets.update(seen_secrets())
        return self

    def _walk(self, value: Any, above: Path, on_path: set[int]) -> Any:
        kind = type(value)
        if kind is str:
            return value if len(value) < SHORTEST_SECRET else self.text(value)
        if value is None or kind is bool:
            return value
        if kind is int or kind is float:
            return self._number(value)
        if kind is dict or isinstance(value, Mapping):
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
        key_of, result = self._redactor.key, {}
        parts: list[Part] = []
        hidden: set[str] = set()
        walk = self._walk
        for name, inner in value.items():
            mark, shown, below, part = key_of(name if type(name) is str else str(name), above)
            if self._secrets:
                shown = self._without_secrets(shown)
            if mark is None:
                kind = type(inner)
                if inner is None or kind is bool or (kind is str and len(inner) < SHORTEST_SECRET):
                    result[shown] = inner  # as `walk` does, at once
                else:
                    result[shown] = walk(inner, below, on_path)
            else:
                self._learn(inner, mark, 0)
                result[shown] = None if inner is None else mark
                hidden.add(shown)
            if part:
                # A redacted field counts too: its other half may stand in one that is not.
                parts.append((shown, inner))
        if parts:
            split = fields_of_split_cards(parts) - hidden
            result.update(dict.fromkeys(split, self._redactor.placeholder))
        return result

    def _items(self, value: Iterable[Any], above: Path, on_path: set[int]) -> list[Any]:
        return [self._walk(item, above, on_path) for item in value]

    def _number(self, value: float) -> Any:
        if value - value != 0:
            return str(value)  # NaN and Infinity are no JSON
        if self._secrets and (mark := self._secrets.get(str(value))):
            return mark
        if (value >= LOWEST or value <= -LOWEST) and self._is_card(abs(value)):
            return self._redactor.placeholder
        return value

    @staticmethod
    def _is_card(value: float) -> bool:
        return value < 10**LONGEST and value == value // 1 and is_card(str(int(value)))

    def _again(self, value: Any) -> Any:
        """The cleaned copy once more, for the secrets that were met on the way."""
        if isinstance(value, str):
            return self._without_secrets(value)
        if isinstance(value, dict):
            return {self._without_secrets(key): self._again(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._again(inner) for inner in value]
        return self._number(value) if type(value) in (int, float) else value

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

    def _learn_text(self, secret: str, mark: str) -> None:
        if len(secret) < SHORTEST_SECRET or len(self._secrets) > MOST_SECRETS:
            return
        if secret.lower() in self._secrets or secret in self._marks():
            return
        spellings = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
        lowered = {spelling.lower() for spelling in spellings}
        self._secrets.update(dict.fromkeys(lowered, mark))
        note_seen(lowered, mark)

    def _marks(self) -> set[str]:
        return {self._redactor.placeholder, *self._secrets.values()}

    def _without_secrets(self, text: str) -> str:
        if len(text) < SHORTEST_SECRET:
            return text
        if len(self._secrets) > MOST_SECRETS:
            return self._redactor.placeholder
        lower = text.lower()
        found = [secret for secret in self._secrets if secret in lower]
        if not found:
            return text
        either = "|".join(re.escape(secret) for secret in sorted(found, key=len, reverse=True))
        return re.sub(either, self._mark_of, text, flags=re.IGNORECASE)

    def _mark_of(self, match: re.Match[str]) -> str:
        return self._secrets.get(match[0].lower(), self._redactor.placeholder)
