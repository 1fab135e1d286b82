"""Names of fields, compared without regard to case and joining: card_number, cardNumber, Card-Number. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

_PREFIXES = ("action.payload.", "origin.payload.", "payload.")
_JOINERS = re.compile(r"[\W_]+")
_WORD = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])|\d+|[^\W_]")
# What may stand in the name of a field that holds a part of a card number, and what one of them must be.
_ORDER_WORDS = (
    "first",
    "second",
    "third",
    "fourth",
    "last",
    "begin",
    "end",
    "start",
    "rest",
    "a",
    "b",
    "c",
    "d",
)
_PART_WORDS = frozenset(
    ("card", "cc", "credit", "debit", "payment", "primary", "account", "part", *_ORDER_WORDS)
)
_NUMBER_WORDS = frozenset(("number", "num", "nr", "no", "pan", "cardnumber", "ccnumber", "cardno"))


def compact(name: str) -> str:
    """The name without case and joiners; one that consists of joiners stays as it is."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _JOINERS.sub("", folded) or folded


def words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFKC", name))]


def without_prefix(path: str) -> str:
    """A configured path, which may begin at the action or at the payload."""
    path = path.strip()
    for prefix in _PREFIXES:
        if path.casefold().startswith(prefix):
            path = path[len(prefix) :]
    return path


def holds_part_of_a_card(name: str) -> bool:
    """Whether the key says that its field may hold a part of a card number: `number`, `pan_2`, `cardNumberFirst`."""
    found = {word for word in words(name) if not word.isdigit()}
    return bool(found & _NUMBER_WORDS) and found <= _NUMBER_WORDS | _PART_WORDS


def assignment_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """What stands behind one of the names in text: `card_last4=4242`, `"cardLast4": "4242"`.

    Groups: all before the value, and the name. Begins with a set of letters, by which a search skips quickly.
    """
    spelled = sorted({tuple(found) for name in names if (found := words(name))}, key=_length, reverse=True)
    if not spelled:
        return None
    first = _letters({found[0][0] for found in spelled})
    either = "|".join(_behind_first_letter(found) for found in spelled)
    quote_mark = r"\\*[\"']"
    quoted = rf"{quote_mark}[^\"'\\]*{quote_mark}"
    bare = r"[^\s,;&\"'\\\[\]{}()]+"
    name = rf"({first}(?<![^\W_].)(?:{either}))"
    head = rf"{name}(?:{quote_mark})?\s*+(?:[:=]|=>)\s*+"
    return re.compile(rf"({head})(?:{quoted}|{bare})", re.DOTALL)


def _behind_first_letter(spelled: Collection[str]) -> str:
    rest = r"[\s._-]{0,2}".join(re.escape(word) for word in spelled)
    first = next(iter(spelled))[0]
    return rf"(?<={_letters({first})})(?i:{rest[len(re.escape(first)) :]})"


def _letters(letters: Collection[str]) -> str:
    both = {case for letter in letters for case in (letter, letter.upper()) if len(case) == 1}
    return f"[{''.join(re.escape(letter) for letter in sorted(both))}]"


def _length(spelled: Collection[str]) -> int:
    return sum(map(len, spelled))
