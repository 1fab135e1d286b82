"""Card numbers that are spread over fields whose keys say so: `{"number": "411111111111", "number2": "1111"}`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from acteon_site.base.cards import LONGEST, SHORTEST, digits_written, is_card

Part = tuple[str, Any]


def fields_of_split_cards(parts: Sequence[Part]) -> set[str]:
    """The keys, of these neighbouring fields, whose values make a card number together (or one field's list does).

    In either order: that of the keys in a JSON object tells nothing.
    """
    pieces = [(key, digits) for key, value in parts for digits in _pieces(value)]
    found: set[str] = set()
    for first in range(len(pieces)):
        joined = backwards = ""
        for last in range(first, len(pieces)):
            digits = pieces[last][1]
            if not digits or len(joined) + len(digits) > LONGEST:
                break
            joined, backwards = joined + digits, digits + backwards
            if last > first and len(joined) >= SHORTEST and (is_card(joined) or is_card(backwards)):
                found.update(key for key, _digits in pieces[first : last + 1])
    return found


def _pieces(value: Any) -> Iterator[str]:
    """The digits of a text, of a number, or of each in a list or object; an empty text where there is anything else."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        value = [value]
    for inner in value:
        if isinstance(inner, str):
            yield digits_written(inner) or ""
        elif isinstance(inner, int) and 0 <= inner < 10**LONGEST and not isinstance(inner, bool):
            yield str(inner)
        else:
            yield ""
