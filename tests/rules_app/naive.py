"""What conditions mean, written a second time and plainly: it walks the YAML's own object and knows no closures."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from ipaddress import ip_address, ip_network
from typing import Any

import re2

from rules_app.engine import ActionView

ABSENT = object()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Naive:
    """The meaning of conditions about one action, at one moment in one zone."""

    def __init__(self, action: ActionView, now: datetime, zone: tzinfo) -> None:
        self.action, self.now, self.zone = action, now, zone

    def holds(self, spec: Mapping[str, Any], item: Any = None, member: str = "") -> bool:
        if "field" in spec and "[*]" in spec["field"]:
            return self.members(spec, item)
        if "not" in spec:
            return not self.holds(spec["not"], item, member)
        for word, every in (("all", all), ("any", any)):
            if word in spec:
                return every([self.holds(one, item, member) for one in spec[word]])
        path = spec.get("field", member)
        ((word, operand),) = ((key, value) for key, value in spec.items() if key != "field")
        value = self.read(path, item)
        if isinstance(operand, Mapping):
            return self.against(word, value, self.read(operand["field"], item))
        return self.compare(word, value, operand)

    def members(self, spec: Mapping[str, Any], item: Any) -> bool:
        path, _, rest = spec["field"].partition("[*]")
        found = self.read(path, item)
        word = "any" if "any" in spec else "all"
        fits = (
            [self.holds(spec[word], one, f"item{rest}") for one in found] if isinstance(found, list) else []
        )
        return isinstance(found, list) and (any(fits) if word == "any" else all(fits))

    def read(self, path: str, item: Any) -> Any:
        names = path.split(".")
        value = item if names[0] == "item" else self.action.payload
        for name in names[1:] if names[0] == "item" else names[2:]:
            if isinstance(value, list):
                known = name.isdigit() and int(name) < len(value)
                value = value[int(name)] if known else ABSENT
            else:
                value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
        return value

    def against(self, word: str, value: Any, other: Any) -> bool:
        if word in ("ne", "neq"):
            return not self.against("eq", value, other)
        if word in ("before", "after", "on_or_before", "on_or_after"):
            return self.days(other) is not None and self.compare(word, value, other)
        comparable = kind(value) == kind(other) and kind(value) in ("text", "number", "bool")
        return comparable and self.compare(word, value, other) and (word == "eq" or kind(value) != "bool")

    def compare(self, word: str, value: Any, operand: Any) -> bool:
        if word in OPPOSITES:
            return not self.compare(OPPOSITES[word], value, operand)
        if word.endswith("_ignoring_case"):
            return self.compare(word.removesuffix("_ignoring_case"), small(value), small(operand))
        many = operand if isinstance(operand, list) else [operand]
        if word in ("eq", "in_list"):
            return any(kind(value) == kind(one) and kind(one) in SIMPLE and value == one for one in many)
        if word in ("exists", "is_null"):
            return (value is not ABSENT if word == "exists" else value in (None, ABSENT)) is operand
        if word == "contains":
            if isinstance(value, list):
                return any(self.compare("eq", one, operand) for one in value)
            return isinstance(value, str) and isinstance(operand, str) and operand in value
        if word == "not_contains":
            looked = isinstance(value, list) or (isinstance(value, str) and isinstance(operand, str))
            return looked and not self.compare("contains", value, operand)
        if word in LENGTHS:
            return isinstance(value, str | list) and LENGTHS[word](len(value), operand)
        if word in ORDERS:
            return (
                kind(value) == kind(operand)
                and kind(value) in ("text", "number")
                and ORDERS[word](value, operand)
            )
        if word in ("before", "after", "on_or_before", "on_or_after", "older_than", "younger_than"):
            return self.in_time(word, value, operand)
        return isinstance(value, str) and any(TEXTS[word](value, one) for one in many)

    def in_time(self, word: str, value: Any, operand: Any) -> bool:
        found = self.days(value)
        if found is None:
            return False
        if word in ("older_than", "younger_than"):
            then = self.now - EPOCH - AGES[operand]
            return found[1] < then if word == "older_than" else found[0] > then
        other = self.days(operand)
        assert other is not None
        return {
            "before": found[1] < other[0],
            "after": found[0] > other[1],
            "on_or_before": found[1] <= other[1],
            "on_or_after": found[0] >= other[0],
        }[word]

    def days(self, text: Any) -> tuple[timedelta, timedelta] | None:
        """The first and the last moment of what the text names, from 1970 on."""
        try:
            if len(text) == 10:
                first = datetime.combine(date.fromisoformat(text), datetime.min.time(), self.zone) - EPOCH
                return first, first + timedelta(days=1, microseconds=-1)
            at = datetime.fromisoformat(text) if text[10:11] == "T" else None
            return at and ((at if at.tzinfo else at.replace(tzinfo=self.zone)) - EPOCH,) * 2
        except (TypeError, ValueError):
            return None


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else "other"


def small(value: Any) -> Any:
    if isinstance(value, list):
        return [small(one) if isinstance(one, str) else one for one in value]
    if not isinstance(value, str):
        return value
    compatible = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", value).casefold())
    return unicodedata.normalize("NFKC", compatible.casefold())


def inside(text: str, network: str) -> bool:
    try:
        address: Any = ip_address(text)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address in ip_network(network)


def mailbox(text: str) -> str:
    person, _, domain = text.rpartition("@")
    return domain.lower().removesuffix(".") if person else ""


SIMPLE = ("text", "number", "bool")
OPPOSITES = {
    "ne": "eq",
    "neq": "eq",
    "not_in_list": "in_list",
    "not_in_cidr": "in_cidr",
    "ne_ignoring_case": "eq_ignoring_case",
    "not_in_list_ignoring_case": "in_list_ignoring_case",
}
AGES = {"1d": timedelta(days=1), "PT12H": timedelta(hours=12), "2w": timedelta(weeks=2)}
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda one, other: one > other,
    "gte": lambda one, other: one >= other,
    "lt": lambda one, other: one < other,
    "lte": lambda one, other: one <= other,
}
LENGTHS: dict[str, Callable[[int, int], bool]] = {
    "length": lambda one, other: one == other,
    "min_length": lambda one, other: one >= other,
    "max_length": lambda one, other: one <= other,
}
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "starts_with_any": str.startswith,
    "ends_with_any": str.endswith,
    "matches": lambda value, pattern: "\ud800" not in value and re2.search(pattern, value) is not None,
    "in_cidr": inside,
    "email_domain": lambda value, domain: mailbox(value) == domain,
    "email_domain_within": lambda value, domain: f".{mailbox(value)}".endswith(f".{domain}"),
}
