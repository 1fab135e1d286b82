"""Since when each counter of a set of rules counts: its content says so, and nothing else keeps it. Pure.

A counter counts while a rule asks it, also one that is switched off, so that it can count before its rule decides. It
begins at the publishing that brings it or changes what it counts, and finds nothing of before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from acteon_site.base.clock_text import rfc3339
from rules_app.differences import Spec, same
from rules_app.engine import parse_rule

SINCE = "since"
_NOT_COUNTED = ("description", "with_this_order", SINCE)  # a change of these changes nothing that is counted


def with_counters(
    content: dict[str, Any],
    counters: Sequence[Spec],
    disabled: Iterable[Spec],
    before: Mapping[str, Any],
    now: datetime | None = None,
) -> dict[str, Any]:
    """The content with its counters, where there are any. `before`: that of the version in force; without `now`,
    nothing begins to count."""
    if not counters:
        return content
    asked = _asked([*content["rules"], *disabled])
    known = {spec["name"]: spec for spec in before.get("counters", ())}
    zones = before.get("default_timezone", ""), content["default_timezone"]
    begins = rfc3339(now) if now else ""
    found = []
    for spec in counters:
        earlier = known.get(spec["name"], {})
        kept = earlier.get(SINCE) if _goes_on(earlier, spec, zones) else ""
        since = (kept or begins) if spec["name"] in asked else ""
        found.append({**spec, SINCE: since} if since else spec)
    return {**content, "counters": found}


def _asked(rules: Iterable[Spec]) -> set[str]:
    parsed = (parse_rule(spec)[0] for spec in rules)
    return {name for rule in parsed if rule for name in rule.counters}


def _goes_on(earlier: Spec, spec: Spec, zones: tuple[str, str]) -> bool:
    """Whether what was counted is what is to be counted."""
    by_default = spec["window"] in ("today", "this_week", "this_month") and "timezone" not in spec
    return same(_counted(earlier), _counted(spec)) and not (by_default and zones[0] != zones[1])


def _counted(spec: Spec) -> Spec:
    return {name: value for name, value in spec.items() if name not in _NOT_COUNTED}
