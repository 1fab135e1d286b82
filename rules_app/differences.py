"""What differs between two states of the rules, in words and line by line. Pure.

A state ("world") is every rule's spec by its name; under the empty name stand the settings that all share, and each
counter under its name behind COUNTER.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from acteon_site.base.digest import canonical_json, content_digest
from rules_app.engine import Rule as EngineRule
from rules_app.engine import parse_rule
from rules_app.engine.counting import parse_counter
from rules_app.engine.intervals import in_words, parse_interval
from rules_app.engine.words import PLAIN, Lexicon, condition_in_words, rule_in_words, stage_in_words

Spec = dict[str, Any]
World = Mapping[str, Spec]
SETTINGS = ""  # no rule has an empty name
INTERVAL = " time interval "
MUTABLES = " which actions may be muted"
COUNTER = " counter "  # before a counter's name; no rule's name begins with a blank
SETTINGS_LABEL = "default time zone"


@dataclass(frozen=True, slots=True)
class Said:
    """One thing of a rule in words: what it was and what it is, "" where it was not or is no more."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        sides = " → ".join(side for side in (self.before, self.after) if side)
        return f"{self.what}: {sides}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule that differs. `how` ∈ added, removed, changed; `lines` are a unified diff without heads."""

    name: str
    how: str
    words: tuple[Said, ...]
    lines: tuple[str, ...]

    @property
    def label(self) -> str:
        return label_of(self.name)


def is_rule(name: str) -> bool:
    """Whether a world has a rule under this name."""
    return name != SETTINGS and not name.startswith(" ")


def counter_key(name: str) -> str:
    return f"{COUNTER}{name}"


def interval_key(spec: Spec) -> str:
    scope = "/".join(str(spec.get(name, "*")) for name in ("namespace", "tenant"))
    return f"{INTERVAL}{spec['name']}{'' if scope == '*/*' else f' ({scope})'}"


def label_of(name: str) -> str:
    return name.strip() or SETTINGS_LABEL


def same(one: Any, other: Any) -> bool:
    """As JSON: to Python, true and 1 are equal."""
    return canonical_json(one) == canonical_json(other)


def revision_of(spec: Any) -> str | None:
    """A short name for exactly this content, by which an editor says what was seen; None for no rule."""
    return None if spec is None else content_digest(spec)[:16]


def differences(before: World, after: World, lexicon: Lexicon = PLAIN) -> list[Difference]:
    """The settings first, then the rules that were added, removed or changed, by name."""
    names = sorted(before.keys() | after.keys())
    return [
        difference(name, before.get(name), after.get(name), lexicon)
        for name in names
        if not same(before.get(name), after.get(name))
    ]


def difference(name: str, was: Spec | None, now: Spec | None, lexicon: Lexicon = PLAIN) -> Difference:
    how = "added" if was is None else "removed" if now is None else "changed"
    lines = list(unified_diff(_lines(was), _lines(now), lineterm="", n=1))[2:]
    shown = tuple("  …" if line.startswith("@@") else line for line in lines)
    return Difference(
        name, how, _words(name, was, now, lexicon), shown[1:] if shown[:1] == ("  …",) else shown
    )


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).splitlines()


def _words(name: str, was: Spec | None, now: Spec | None, lexicon: Lexicon) -> tuple[Said, ...]:
    if name == SETTINGS:
        zones = ((side or {}).get("default_timezone", "") for side in (was, now))
        return (Said(SETTINGS_LABEL, *zones),)
    if name.startswith(COUNTER):
        return (Said("counter", *(_counter_in_words(side) for side in (was, now))),)
    if name == MUTABLES:
        return (Said("lines", *(str(len((side or {}).get("muting", ()))) for side in (was, now))),)
    if name.startswith(INTERVAL):
        return (Said("time interval", *(_interval_in_words(side) for side in (was, now))),)
    before, after = _sayings(was, lexicon), _sayings(now, lexicon)
    if was is None or now is None:
        sentence = (sayings.get("rule", "") for sayings in (before, after))
        return (Said("rule", *sentence),)
    return tuple(
        Said(what, before[what], after[what])
        for what in after
        if what != "rule" and before.get(what) != after[what]
    )


def _counter_in_words(spec: Spec | None) -> str:
    counter = parse_counter(spec)[0] if spec is not None else None
    return counter.in_words() if counter else "" if spec is None else "does not parse"


def _interval_in_words(spec: Spec | None) -> str:
    interval = parse_interval(spec)[0] if spec is not None else None
    return in_words(interval) if interval else "" if spec is None else "does not parse"


def _sayings(spec: Spec | None, lexicon: Lexicon) -> dict[str, str]:
    """What there is to say of a rule, each under its heading; nothing of one that does not parse."""
    rule = parse_rule(spec)[0] if spec is not None else None
    if rule is None:
        return {"rule": ""} if spec is None else _unparsed(spec)
    return {
        "rule": sentence_of(rule, lexicon),
        "state": "switched on" if rule.enabled else "switched off",
        "stage": stage_in_words(rule),
        "priority": str(rule.priority),
        "when": condition_in_words(rule, lexicon),
        "then": rule.action_in_words(),
        "for": _audience(rule),
        "time zone": rule.timezone or "the default",
        "in effect": rule.effect_in_words or "always",
        "muted": rule.muting_in_words or "never",
        "description": rule.description or "none",
    }


def _unparsed(spec: Spec) -> dict[str, str]:
    unknown = dict.fromkeys(
        ("stage", "when", "then", "for", "time zone", "in effect", "muted"), "does not parse"
    )
    state = "switched on" if spec.get("enabled", True) else "switched off"
    plain = {name: str(spec.get(name, "")) for name in ("priority", "description")}
    return {"rule": "does not parse", "state": state, **unknown, **plain}


def sentence_of(rule: EngineRule, lexicon: Lexicon) -> str:
    """The whole rule as one sentence."""
    audience = _audience(rule)
    scope = "" if audience == "everyone" else f" (for {audience})"
    off = "" if rule.enabled else "Switched off. "
    return f"{off}{rule_in_words(rule, lexicon)}{scope}"


def _audience(rule: EngineRule) -> str:
    everyone = rule.namespace == rule.tenant == "*"
    return "everyone" if everyone else f"{rule.namespace} / {rule.tenant}"
