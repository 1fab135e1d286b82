"""A rule's or counter's row in the shape of the YAML files, which is what is parsed, published and exported."""

from __future__ import annotations

from typing import Any

from rules_app.engine.counting.declared import DEFAULT_MOST, TENANT
from rules_app.engine.intervals import parse_interval, spec_of
from rules_app.engine.rules import KEYS
from rules_app.models import Rule, RuleCounter, TimeInterval

Spec = dict[str, Any]
# What a spec leaves out where the row holds this.
DEFAULTS: Spec = {
    "enabled": True,
    "description": "",
    "namespace": "*",
    "tenant": "*",
    "timezone": "",
    "effective_from": "",
    "effective_until": "",
    "only_unmatched": None,
    "mute_time_intervals": [],
    "active_time_intervals": [],
    "shadow": False,
    "rollout": None,
}


def rule_spec(rule: Rule) -> Spec:
    """The row as a spec that `parse_rule` takes; settings at their default are left out."""
    values = {name: getattr(rule, name) for name in KEYS}
    return {name: value for name, value in values.items() if name not in DEFAULTS or value != DEFAULTS[name]}


COUNTER_DEFAULTS: Spec = {
    "description": "",
    "by": [],
    "per": TENANT,
    "with_this_order": False,
    "most": DEFAULT_MOST,
}


def counter_spec(row: RuleCounter) -> Spec:
    described = {"description": row.description} if row.description else {}
    return {"name": row.name, **described, **row.declaration}


def counter_columns(spec: Spec) -> Spec:
    """The row's fields for a canonical spec."""
    own = ("name", "description")
    declaration = {key: value for key, value in spec.items() if key not in own}
    return {"name": spec["name"], "description": spec.get("description", ""), "declaration": declaration}


def counter_canonical(spec: Spec) -> Spec:
    """The shortest spelling of a valid spec; equal for equal meaning."""
    by = spec.get("by", [])
    whole = {**spec, "by": [by] if isinstance(by, str) else list(by)}
    return {name: value for name, value in whole.items() if value != COUNTER_DEFAULTS.get(name)}


INTERVAL_DEFAULTS: Spec = {"namespace": "*", "tenant": "*", "location": "", "description": ""}


def interval_spec(row: TimeInterval) -> Spec:
    values = {name: getattr(row, name) for name in ("name", *INTERVAL_DEFAULTS, "time_ranges")}
    return {name: value for name, value in values.items() if value != INTERVAL_DEFAULTS.get(name)}


def interval_canonical(spec: Spec) -> Spec:
    """The one spelling of a valid spec; equal for equal meaning."""
    interval, _ = parse_interval(spec)
    return spec_of(interval) if interval else spec
