"""Since when a rule stands as it did in some version, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rules_app.engine import RuleSet, parse_rule
from rules_app.models import RuleSetVersion
from rules_app.selectors import build_rule_set

# How many versions back are read; whole sets of rules, so a few at a time.
LOOK_BACK = 500
_AT_A_TIME = 20


@dataclass(frozen=True, slots=True)
class Since:
    """The version that brought the rule as it stands. `or_before`: it was looked no further back.

    Not its cause: that may name rules of other tenants.
    """

    version: int
    actor: str
    at: datetime
    or_before: bool = False


def rule_set_of(number: int | None) -> RuleSet | None:
    """The rules of that version; None where it is not known or no longer reads."""
    version = RuleSetVersion.objects.filter(number=number).first() if number is not None else None
    return build_rule_set(version.content, version.number)[0] if version else None


def rule_since(name: str, number: int) -> Since | None:
    """Since when that version's rule of this name was in force unchanged; None where the version has none."""
    versions = RuleSetVersion.objects.filter(number__lte=number).order_by("-number")[: LOOK_BACK + 1]
    first: RuleSetVersion | None = None
    content = None
    for seen, version in enumerate(versions.iterator(chunk_size=_AT_A_TIME)):
        found = _rule_in(version.content, name)
        content = content or found
        if found is None or found != content:
            break
        if seen == LOOK_BACK and first is not None:
            return _since(first, or_before=True)
        first = version
    return _since(first) if first else None


def _since(version: RuleSetVersion, *, or_before: bool = False) -> Since:
    return Since(version.number, version.actor, version.created_at, or_before)


def _rule_in(content: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The rule's spec, with how the counters that it asks are declared, and with the default zone where it looks at
    the clock and names no zone of its own."""
    spec = next((spec for spec in content["rules"] if spec.get("name") == name), None)
    if spec is None:
        return None
    rule, _ = parse_rule(spec)
    asked = rule.counters if rule else frozenset[str]()
    counters = [one for one in content.get("counters", ()) if one["name"] in asked]
    spec = {**spec, "counters": counters} if counters else spec
    if spec.get("timezone"):
        return spec
    by_clock = rule is not None and rule.condition.asks_zone()
    return {**spec, "timezone": content["default_timezone"]} if by_clock else spec
