"""Finds card-like numbers in text: 13-19 digits, Luhn-valid, in one piece or in groups as on cards. Pure.

One number in ten is Luhn-valid, so digits that are grouped otherwise (an order's name with a date in it, say)
are no card: blanking them would hide what managers search by.
"""

from __future__ import annotations

import re
from itertools import accumulate

SHORTEST, LONGEST = 13, 19
LOWEST = 10 ** (SHORTEST - 1)

_SEPARATOR = "[ \u00a0\u202f\u2010-\u2015-]"
_RUN = re.compile(rf"\d(?:{_SEPARATOR}{{0,3}}\d){{{SHORTEST - 1},}}")
_GROUP = re.compile(r"\d+")
_UUID = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9a-f])", re.I
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

# Besides fours with a shorter rest: Amex, Diners, the old 13 digits, two halves; and digit by digit.
_GROUPINGS = ((4, 6, 5), (4, 6, 4), (4, 3, 3, 3), (8, 8), (6, 13))

Span = tuple[int, int]


def card_spans(text: str) -> list[Span]:
    """Where card-like numbers stand in the text, disjoint and in order; UUIDs are not meant."""
    if len(text) < SHORTEST:
        return []
    spans = [span for run in _RUN.finditer(text) for span in _run_spans(text, run.start(), run.end())]
    if not spans:
        return []
    ids = [match.span() for match in _UUID.finditer(text)]
    return _merged([span for span in spans if not any(a <= span[0] and span[1] <= b for a, b in ids)])


def without_cards(text: str, placeholder: str) -> str:
    for start, end in reversed(card_spans(text)):
        text = text[:start] + placeholder + text[end:]
    return text


def is_card_number(number: int) -> bool:
    return LOWEST <= number < 10**LONGEST and bool(card_spans(str(number)))


def _run_spans(text: str, start: int, end: int) -> list[Span]:
    """All valid numbers that begin and end at a group's edge within one run of digit groups.

    Prefix sums make every candidate one subtraction, so that a megabyte of digits stays linear.
    """
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    digits = [int(char) for a, b in groups for char in text[a:b]]
    sums = _prefix_sums(digits)
    edges = [0, *accumulate(b - a for a, b in groups)]
    found = []
    shortest = 0
    for first, begin in enumerate(edges[:-1]):
        while shortest < len(edges) and edges[shortest] - begin < SHORTEST:
            shortest += 1
        for last in range(shortest, len(edges)):
            stop = edges[last]
            if stop - begin > LONGEST:
                break
            parity = sums[stop & 1]
            if (parity[stop] - parity[begin]) % 10 == 0 and _grouped_as_cards(edges, first, last):
                found.append((groups[first][0], groups[last - 1][1]))
    return found


def _grouped_as_cards(edges: list[int], first: int, last: int) -> bool:
    sizes = tuple(edges[index + 1] - edges[index] for index in range(first, last))
    if len(sizes) == 1 or sizes in _GROUPINGS or set(sizes) == {1}:
        return True
    return set(sizes[:-1]) == {4} and sizes[-1] <= 4


def _prefix_sums(digits: list[int]) -> tuple[list[int], list[int]]:
    """Luhn sums for numbers whose length ends at an even (first) or an odd (second) position."""
    ends_even = [_DOUBLED[digit] if place % 2 == 0 else digit for place, digit in enumerate(digits)]
    ends_odd = [digit if place % 2 == 0 else _DOUBLED[digit] for place, digit in enumerate(digits)]
    return [0, *accumulate(ends_even)], [0, *accumulate(ends_odd)]


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            start, end = merged[-1][0], max(merged.pop()[1], end)
        merged.append((start, end))
    return merged
