"""What changed from one version of the rule set to the next. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

Content = dict[str, Any]
EMPTY: Content = {"default_timezone": "", "rules": []}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed. `how` ∈ added, removed, changed; `lines` are a unified diff without heads."""

    name: str
    how: str
    lines: tuple[str, ...]


def version_differences(before: Content, after: Content) -> list[Difference]:
    """The rules that were added, removed or changed, by name; the default time zone first."""
    zones = [
        {"default_timezone": content["default_timezone"]} if content["default_timezone"] else None
        for content in (before, after)
    ]
    old, new = ({rule["name"]: rule for rule in content["rules"]} for content in (before, after))
    pairs: list[tuple[str, Any, Any]] = [("default time zone", zones[0], zones[1])]
    pairs += [(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())]
    return [_difference(name, was, now) for name, was, now in pairs if was != now]


def _difference(name: str, was: Any, now: Any) -> Difference:
    how = "added" if was is None else "removed" if now is None else "changed"
    lines = list(unified_diff(_lines(was), _lines(now), lineterm="", n=2))[2:]
    return Difference(name, how, tuple(line for line in lines if not line.startswith("@@")))


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).splitlines()
