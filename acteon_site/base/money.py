"""Amounts as people write them, by ISO 4217: an order's `total_cents` counts its currency's smallest unit.

The data is the standard's own table. Unicode's, which Babel has, rounds for display (a rial has no decimals
there, and two in an account).
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from iso4217 import Currency

# How many decimals each currency has. What has no smallest unit, such as gold (XAU), is none to pay with.
DECIMALS: Mapping[str, int] = {one.code: one.exponent for one in Currency if one.exponent is not None}
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_PLACES = {one.code: len(one.country_names) for one in Currency}
_CODES_BY_NAME = {one.currency_name.upper(): one.code for one in Currency if one.code in DECIMALS}
_LONGEST_SHOWN = 12
_LEAST_LIKENESS = 0.6


def money(amount: Any, currency: Any) -> str:
    """The amount in its currency; where that is not known, the plain count of smallest units, and so said."""
    if isinstance(amount, bool) or not isinstance(amount, int):
        return "-" if amount is None else str(amount)
    if currency is None or currency == "":
        return f"{amount:,} (no currency given)"
    code = str(currency).strip().upper()
    if code not in DECIMALS:
        return f"{amount:,} (unknown currency {str(currency)[:_LONGEST_SHOWN]})"
    number = _decimal(amount, DECIMALS[code])
    return f"{SYMBOLS[code]}{number}" if code in SYMBOLS else f"{number} {code}"


def total_of(payload: Mapping[str, Any]) -> str:
    return money(payload.get("total_cents"), payload.get("currency"))


def is_amount(name: str) -> bool:
    """Whether a field of that name, or path, counts smallest units."""
    return name.endswith("_cents")


def as_shown(name: str, value: Any, currency: Any) -> tuple[str, Any]:
    """A payload's field for people: `total_cents: 60000` of an order in JPY is `total: ¥60,000`."""
    if not is_amount(name) or value is None:
        return name, _inside(value, currency)
    return name.removesuffix("_cents"), money(value, currency)


def _inside(value: Any, currency: Any) -> Any:
    """Amounts at any depth, in the currency that stands nearest; names stay, since two could become one."""
    if isinstance(value, list):
        return [_inside(item, currency) for item in value]
    if not isinstance(value, Mapping):
        return value
    nearest = value.get("currency", currency)
    return {name: _under(name, inner, nearest) for name, inner in value.items()}


def _under(name: str, value: Any, currency: Any) -> Any:
    plain = isinstance(value, int) and is_amount(name)
    return money(value, currency) if plain else _inside(value, currency)


def currency_problem(code: str) -> str | None:
    """Why nobody can pay in it, and which code was meant."""
    if code in DECIMALS:
        return None
    near = _nearest(code.strip().upper()[:_LONGEST_SHOWN])
    hint = f"did you mean {near!r}?" if near else "write its three letters, such as 'USD'"
    return f"is no currency of ISO 4217: {code[:_LONGEST_SHOWN]!r} ({hint})"


def _decimal(amount: int, decimals: int) -> str:
    """In whole numbers: a float loses the last unit of large amounts."""
    units, rest = divmod(abs(amount), 10**decimals)
    fraction = f".{rest:0{decimals}d}" if decimals else ""
    return f"{'-' if amount < 0 else ''}{units:,}{fraction}"


def _nearest(word: str) -> str | None:
    """By its name or by its letters; of several as near, the one with most countries."""
    if word in _CODES_BY_NAME:
        return _CODES_BY_NAME[word]

    def nearness(known: str) -> tuple[bool, float, bool, int]:
        same_letters = sorted(known) == sorted(word)
        return same_letters, _likeness(word, known), known[:2] == word[:2], _PLACES[known]

    best = max(DECIMALS, key=nearness)
    return best if _likeness(word, best) >= _LEAST_LIKENESS else None


def _likeness(word: str, known: str) -> float:
    return SequenceMatcher(None, word, known).ratio()
