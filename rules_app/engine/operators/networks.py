"""`in_cidr`, `not_in_cidr`: an IP address, version 4 or 6, that lies in a network; or in none of several."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import (
    TEXT,
    Operator,
    Test,
    TextOperator,
    several_texts_problem,
    texts_of,
)

_LONGEST = 64  # characters of an address, a scope included
Range = tuple[int, int, int]  # version, first and last address


def address_of(text: Any) -> tuple[int, int] | None:
    """Version and number of an address; one of version 4 within version 6 (::ffff:10.0.0.1) is of version 4."""
    if type(text) is not str or len(text) > _LONGEST:
        return None
    try:
        found: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    found = mapped or found
    return found.version, int(found)


def _joined(ranges: Iterable[Range]) -> list[Range]:
    """In order and without overlaps, so that one look finds what an address lies in."""
    found: list[Range] = []
    for version, first, last in sorted(ranges):
        if found and found[-1][0] == version and first <= found[-1][2] + 1:
            found[-1] = (version, found[-1][1], max(last, found[-1][2]))
        else:
            found.append((version, first, last))
    return found


def _range(text: str) -> Range:
    network = ip_network(text)
    return network.version, int(network[0]), int(network[-1])


def _inside(operand: Any) -> Test:
    ranges = _joined(_range(text) for text in texts_of(operand))
    begins = [(version, first) for version, first, _ in ranges]

    def test(value: Any) -> bool:
        address = address_of(value)
        at = bisect_right(begins, address) - 1 if address else -1
        return at >= 0 and address is not None and ranges[at][0] == address[0] and address[1] <= ranges[at][2]

    return test


def _outside(operand: Any) -> Test:
    inside = _inside(operand)
    return lambda value: not inside(value)


def _problem(operand: Any, field: Field) -> str | None:
    problem = several_texts_problem(operand, field)
    if problem:
        return problem
    return next((found for text in texts_of(operand) if (found := _network_problem(text))), None)


def _network_problem(text: str) -> str | None:
    try:
        ip_network(text)
    except ValueError:
        return _misread(text)
    return None


def _misread(text: str) -> str:
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        return f"'{text}' is no network such as '10.0.0.0/8' or '2001:db8::/32'"
    return f"'{text}' is an address inside of a network, did you mean '{meant}'?"


class _Addresses(TextOperator):
    def mistyped(self, operand: Any, value: Any) -> bool:
        return address_of(value) is None

    def wanted(self, operand: Any) -> str:
        return "an IP address"


def _operator(name: str, symbol: str, words: str, build: Any, synonyms: tuple[str, ...]) -> Operator:
    return _Addresses(name, symbol, words, frozenset((TEXT,)), build, _problem, synonyms, "texts")


IN_CIDR = _operator(
    "in_cidr", "in network", "is in the network", _inside, ("cidr", "in_network", "in_subnet")
)
NOT_IN_CIDR = _operator(
    "not_in_cidr",
    "not in network",
    "is outside of the network",
    _outside,
    ("not_in_network", "not_in_subnet"),
)
