"""Where card numbers stand in a text. Pure, and linear in the text's length.

Digits that are grouped otherwise than people group cards (an order's name with a date in it, say) are no card: blanking
them would hide what managers search by.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

from acteon_site.base.cards.ibans import iban_spans
from acteon_site.base.cards.issuers import LONGEST, SHORTEST, is_article_number, lengths_issued
from acteon_site.base.cards.spellings import BETWEEN, INVISIBLE, Decoded, Span, may_be_encoded

# Once for the URL, once for the page, once for the JSON around it.
MOST_ENCODINGS = 3
_STRETCH = re.compile(rf"(?<!\d)\d[\d{BETWEEN}]{{{SHORTEST - 1},}}+")
_GROUP = re.compile(r"\d+")
_SEEN_GROUP = re.compile(rf"\d(?:[{INVISIBLE}]*+\d)*+")
_NOT_DIGITS = re.compile(r"\D+")
_DECIMAL = re.compile(r"(?<![\d.])\d{1,5}\.\d++(?!\.\d)")
_PARCEL = re.compile(r"(?<!\d)9[1-5]\d\d(?: ?\d{4}){4} ?\d\d(?!\d)")
_UUID = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9a-f])", re.I
)
_ADDRESS = re.compile(r"(?<![\w:])[23f][0-9a-f]{3}:[0-9a-f:]{2,34}(?![\w:])", re.I)  # IPv6, as it is routed
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

# Besides fours, eights and a shorter rest: Amex, Diners, the old 13 digits, the bank's number and the rest.
_GROUPINGS = ((4, 6, 5), (4, 6, 4), (4, 3, 3, 3), (6, 10), (6, 13), (6, 9))
_MOST_GROUPS = 5
_NAME_LENGTH = 64


def card_spans(text: str) -> Sequence[Span]:
    """Where card numbers stand in the text, disjoint and in order.

    UUIDs, IBANs, decimals, IPv6 addresses and the 22 digits of American parcels are not meant.
    """
    return _short_spans(text) if len(text) <= _NAME_LENGTH else _merged(_spans(text, MOST_ENCODINGS))


@lru_cache(maxsize=4096)  # an order's names and ids stand in a dozen of the texts that it leaves behind
def _short_spans(text: str) -> Sequence[Span]:
    return tuple(_merged(_spans(text, MOST_ENCODINGS))) if _may_hold_card(text) else ()


def holds_card(text: str) -> bool:
    return bool(card_spans(text)) if len(text) <= _NAME_LENGTH or _may_hold_card(text) else False


def without_cards(text: str, placeholder: str) -> str:
    spans = card_spans(text) if len(text) <= _NAME_LENGTH or _may_hold_card(text) else ()
    if not spans:
        return text
    parts: list[str] = []
    done = 0
    for start, end in spans:
        parts += (text[done:start], placeholder)
        done = end
    return "".join((*parts, text[done:]))


def digits_written(text: str) -> str | None:
    """The ASCII digits of a text that holds nothing but digits and separators."""
    if len(text) > 4 * LONGEST or not (re.fullmatch(rf"[\d{BETWEEN}]+", text)):
        return None
    return _ascii_digits(text)


def _may_hold_card(text: str) -> bool:
    """Most texts end here: they have too few digits, and nothing that could be more."""
    return len(text) >= SHORTEST and (any(_runs(text)) or may_be_encoded(text))


def _runs(text: str) -> Iterator[Span]:
    """Where enough digits stand without a letter between them."""
    for stretch in _STRETCH.finditer(text):
        if len(_NOT_DIGITS.sub("", stretch[0])) >= SHORTEST:
            yield stretch.span()


def _spans(text: str, encodings: int) -> list[Span]:
    if len(text) < SHORTEST:
        return []
    found = [span for run in _runs(text) for span in _run_spans(text, *run)]
    if found:
        meant_otherwise = [
            *_whole(_UUID, text),
            *_whole(_DECIMAL, text),
            *_whole(_PARCEL, text),
            *(span for span in _whole(_ADDRESS, text) if _is_address(text[slice(*span)])),
            *iban_spans(text),
        ]
        found = _outside(found, _merged(meant_otherwise))
    if encodings and may_be_encoded(text) and (decoded := Decoded(text)):
        found += [decoded.source(span) for span in _spans(decoded.text, encodings - 1)]
    return found


def _run_spans(text: str, start: int, end: int) -> list[Span]:
    """All card numbers that begin and end at a group's edge within one run of digit groups.

    What shows nothing may stand between two groups or anywhere in one: both readings count.
    """
    digits = _ascii_digits(text[start:end])
    seen = [match.span() for match in _SEEN_GROUP.finditer(text, start, end)]
    found = _grouped_spans(digits, seen, [len(_ascii_digits(text[a:b])) for a, b in seen])
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    if len(groups) != len(seen):
        found += _grouped_spans(digits, groups, [b - a for a, b in groups])
    return found


def _grouped_spans(digits: str, groups: list[Span], sizes: list[int]) -> list[Span]:
    if len(groups) == 1 and len(digits) > LONGEST:
        return []
    edges = [0, *accumulate(sizes)]
    sums = _luhn_sums(digits)
    found = []
    for first, begin in enumerate(edges[:-1]):
        lengths = lengths_issued(digits, begin)
        for last in _ends(edges, first, lengths) if lengths else ():
            stop = edges[last]
            parity = sums[stop & 1]
            if (parity[stop] - parity[begin]) % 10 == 0 and not is_article_number(digits[begin:stop]):
                found.append((groups[first][0], groups[last - 1][1]))
    return found


def _ends(edges: list[int], first: int, lengths: tuple[int, ...]) -> Iterator[int]:
    """The groups' edges at which a card of one of these lengths may end."""
    begin = edges[first]
    for last in range(first + 1, min(first + LONGEST, len(edges) - 1) + 1):
        size = edges[last] - begin
        if size > LONGEST:
            return
        if size in lengths and _grouped_as_cards(edges, first, last):
            yield last


def _grouped_as_cards(edges: list[int], first: int, last: int) -> bool:
    count = last - first
    if count in (1, edges[last] - edges[first]):
        return True  # in one piece, or digit by digit
    if count > _MOST_GROUPS:
        return False
    sizes = tuple(edges[index + 1] - edges[index] for index in range(first, last))
    return sizes in _GROUPINGS or (set(sizes[:-1]) <= {4, 8} and sizes[-1] in (1, 2, 3, 4, 8))


def _luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Luhn sums for numbers whose end stands at an even (first) or an odd (second) place.

    Prefix sums make every candidate one subtraction, so that a megabyte of digits stays linear.
    """
    values = [int(digit) for digit in digits]
    ends_even = [_DOUBLED[digit] if place % 2 == 0 else digit for place, digit in enumerate(values)]
    ends_odd = [digit if place % 2 == 0 else _DOUBLED[digit] for place, digit in enumerate(values)]
    return [0, *accumulate(ends_even)], [0, *accumulate(ends_odd)]


def _ascii_digits(text: str) -> str:
    digits = _NOT_DIGITS.sub("", text)
    return digits if digits.isascii() else "".join(str(int(digit)) for digit in digits)


def _whole(pattern: re.Pattern[str], text: str) -> list[Span]:
    return [match.span() for match in pattern.finditer(text)]


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _outside(spans: list[Span], areas: list[Span]) -> list[Span]:
    """The spans that lie in none of the areas, which are disjoint and in order."""
    starts = [start for start, _end in areas]
    kept = []
    for span in spans:
        area = bisect_right(starts, span[0]) - 1
        if area < 0 or span[1] > areas[area][1]:
            kept.append(span)
    return kept


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            start, end = merged[-1][0], max(merged.pop()[1], end)
        merged.append((start, end))
    return merged
