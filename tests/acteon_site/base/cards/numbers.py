"""Cards of real issuers, how people and programs write them, and numbers that are no cards."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable

from acteon_site.base.cards.issuers import ISSUERS

# The networks' own test numbers.
TEST_CARDS = [
    "4111111111111111",
    "4012888888881881",
    "4222222222222",
    "4988438843884305",
    "5555555555554444",
    "5105105105105100",
    "2223003122003222",
    "2720992720992729",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "6011000990139424",
    "30569309025904",
    "38520000023237",
    "36227206271667",
    "3530111333300000",
    "3566002020360505",
    "6200000000000005",
    "6304000000000000",
    "6759649826438453",
    "5019717010103742",
    "2200000000000004",
    "6062826786276634",
    "6362970000457013",
]

# What stands between the digits, each kind that was seen.
VISIBLE = {
    "blank": " ",
    "blanks": "  ",
    "tab": "\t",
    "line feed": "\n",
    "Windows line": "\r\n",
    "dot": ".",
    "comma": ",",
    "comma and blank": ", ",
    "slash": "/",
    "underscore": "_",
    "bar": "|",
    "bar in blanks": " | ",
    "colon": ":",
    "asterisk": "*",
    "asterisks": "**",
    "semicolon": ";",
    "tilde": "~",
    "full-width colon": "\uff1a",
    "full-width bar": "\uff5c",
    "broken bar": "\u00a6",
    "box's bar": "\u2502",
    "ratio": "\u2236",
    "equals sign": "=",
    "number sign": "#",
    "apostrophe": "'",
    "typographic apostrophe": "\u2019",
    "quotation marks": '"',
    "quoted one by one": '", "',
    "backslash in blanks": " \\ ",
    "brackets": "] [",
    "parentheses": ") (",
    "arrow": "->",
    "greater than": " > ",
    "exclamation mark": "!",
    "caret": "^",
    "grave accent": "`",
    "middle bar": "\u2758",
    "bullet": " \u25cf ",
    "box": "\u25a1",
    "emoji": "\U0001f4b3",
    "asterisk operator": "\u2217",
    "hyphen": "-",
    "non-breaking hyphen": "\u2011",
    "figure dash": "\u2012",
    "en dash": "\u2013",
    "em dash in blanks": " \u2014 ",
    "minus": "\u2212",
    "full-width hyphen": "\uff0d",
    "no-break space": "\u00a0",
    "narrow no-break space": "\u202f",
    "thin space": "\u2009",
    "hair space": "\u200a",
    "ideographic space": "\u3000",
    "percent-encoded blank": "%20",
    "form-encoded blank": "+",
    "percent-encoded no-break space": "%C2%A0",
    "the same in latin-1": "%A0",
    "percent-encoded hyphen": "%2d",
    "percent-encoded colon": "%3A",
    "bar, named": "&vert;",
    "encoded twice": "%2520",
    "nbsp": "&nbsp;",
    "nbsp by number": "&#160;",
    "nbsp by hex": "&#xA0;",
    "thin space, named": "&thinsp;",
    "en dash, named": "&ndash;",
    "entity, encoded": "%26nbsp%3B",
    "ampersand encoded": "&amp;nbsp;",
    "JSON line feed": "\\n",
    "JSON escape": "\\u00a0",
    "JSON in JSON": "\\\\u2009",
}
INVISIBLE = {
    "zero width": "\u200b",
    "zero width joiner": "\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "right-to-left mark": "\u200f",
    "soft hyphen, named": "&shy;",
    "zero width by number": "&#8203;",
    "zero width, percent-encoded": "%E2%80%8B",
}
GROUPS: dict[int, list[tuple[int, ...]]] = {
    13: [(4, 3, 3, 3)],
    14: [(4, 6, 4)],
    15: [(4, 6, 5)],
    16: [(8, 8)],
}
ENCODED_DIGITS: dict[str, Callable[[str], str]] = {
    "as they are": lambda card: card,
    "full width": lambda card: "".join(chr(0xFF10 + int(digit)) for digit in card),
    "Arabic": lambda card: "".join(chr(0x0660 + int(digit)) for digit in card),
    "percent-encoded": lambda card: "".join(f"%3{digit}" for digit in card),
    "entities": lambda card: "".join(f"&#{48 + int(digit)};" for digit in card),
    "JSON escapes": lambda card: "".join(f"\\u003{digit}" for digit in card),
}


def luhn_valid(digits: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(digits)):
        digit = int(char) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def with_check_digit(digits: str) -> str:
    return next(digits + last for last in "0123456789" if luhn_valid(digits + last))


def ean(digits: str) -> str:
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)


def fours(card: str) -> list[str]:
    return [card[start : start + 4] for start in range(0, len(card), 4)]


def cards_of_issuers() -> list[tuple[str, str, int]]:
    """First prefix, last prefix and length of each range that is sought; the old 13 digits are tested by themselves."""
    return [
        (first, last, length) for _, first, last, lengths in ISSUERS for length in lengths if length != 13
    ]


def _iban(country: str, account: str) -> str:
    rest = int("".join(str(int(char, 36)) for char in f"{account}{country}00"))
    return f"{country}{98 - rest % 97:02d}{account}"


def _address(draw: random.Random) -> str:
    """An IPv6 address whose groups happen to be decimal, whole or shortened."""
    groups = ["2600", *(str(draw.randrange(1000, 10_000)) for _ in range(7))]
    return ":".join(groups) if draw.random() < 0.5 else f"{':'.join(groups[:5])}::{groups[7]}"


def no_cards(seed: int = 7) -> dict[str, list[str]]:
    """Some hundred of each kind. Order numbers are of forms that shops use, none of 16 plain digits like a card's."""
    draw = random.Random(seed)

    def digits(count: int) -> str:
        return "".join(draw.choice("0123456789") for _ in range(count))

    times = [draw.randrange(1_500_000_000_000, 2_100_000_000_000) for _ in range(500)]
    tacs = ("01", "35", "86", "91", "98", "99", "30", "44", "49", "52", "53", "54")
    countries = {"DE": 18, "AT": 16, "DK": 14, "ES": 20, "BE": 12, "FR": 23, "PT": 21, "PL": 24}
    ibans = [_iban(country, digits(size)) for country, size in countries.items() for _ in range(100)]
    return {
        "IMEI": [with_check_digit(draw.choice(tacs) + digits(12)) for _ in range(500)],
        "milliseconds": [str(moment) for moment in times],
        "microseconds": [f"{moment}{digits(3)}" for moment in times],
        "nanoseconds": [f"{moment}{digits(6)}" for moment in times],
        "written times": [f"2026{draw.randrange(1, 13):02d}{digits(8)}" for _ in range(500)],
        "order numbers": [f"ORD-{digits(4)}-{digits(6)}-{digits(6)}" for _ in range(500)],
        "marketplace orders": [f"{digits(3)}-{digits(7)}-{digits(7)}" for _ in range(500)],
        "long order numbers": [f"10{digits(13)}" for _ in range(500)],
        "parcels, 20 digits": [f"00340{digits(15)}" for _ in range(500)],
        "parcels, 22 digits": [" ".join(fours(f"94001{digits(17)}")) for _ in range(500)],
        "parcels, 1Z": [f"1Z{digits(3)}AA1{digits(10)}" for _ in range(500)],
        "parcels, 12 digits": [digits(12) for _ in range(500)],
        "article numbers": [ean(f"4{digits(11)}") for _ in range(500)],
        "IBAN": ibans,
        "IBAN in fours": [" ".join(fours(iban)) for iban in ibans],
        "UUID": [str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(2000)],
        "decimals": [repr(draw.uniform(-1000, 1000)) for _ in range(2000)],
        "small decimals": [f"0.{digits(16)}" for _ in range(500)],
        "telephones": [f"+{draw.randrange(1, 60)} {digits(3)} {digits(7)}" for _ in range(500)],
        "times of day": [f"2026-12-2{digits(1)} 1{digits(1)}:{digits(2)}:{digits(2)}.{digits(6)}" for _ in times],
        "spans": [f"{moment}:{moment + draw.randrange(10**9)}" for moment in times],
        "networks' addresses": [_address(draw) for _ in range(2000)],
        "cards' ends": [f"{draw.choice('456')}{digits(5)}******{digits(4)} 12/28" for _ in range(500)],
        "quantities by article": [f"{digits(6)}:{digits(1)}|{digits(6)}:{digits(1)}" for _ in range(500)],
        "hosts and ports": [f"10.0.{digits(2)}.{digits(2)}:{draw.randrange(1024, 9999)}" for _ in range(500)],
        "thousands": [f"{draw.randrange(10**12, 10**16):,}" for _ in range(500)],
        "Swiss thousands": [f"{draw.randrange(10**12, 10**16):,}".replace(",", "'") for _ in range(500)],
        "sums": [f"{digits(1)} x ${digits(2)}.{digits(2)} = ${digits(3)}.{digits(2)} (#{digits(4)})" for _ in times],
        "places": [f"({draw.uniform(40, 60):.6f}, {draw.uniform(-70, 70):.6f})" for _ in range(500)],
        "telephones in parentheses": [f"+1 ({digits(3)}) {digits(3)}-{digits(4)} #{digits(3)}" for _ in range(500)],
        "sizes": [f"{digits(4)}x{digits(4)} @ {digits(4)}x{digits(4)}" for _ in range(500)],
        "heads of order numbers": [f"#{digits(4)}/{digits(6)}={digits(6)}" for _ in range(500)],
    }  # fmt: skip
