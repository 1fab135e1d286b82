"""A rule's row in the shape of the YAML files, which is what is parsed, published and exported."""

from __future__ import annotations

from typing import Any

from acteon_site.base.digest import content_digest
from rules_app.engine.rules import KEYS
from rules_app.models import Rule

Spec = dict[str, Any]
# What a spec leaves out where the row holds this.
DEFAULTS: Spec = {
    "enabled": True,
    "description": "",
    "namespace": "*",
    "tenant": "*",
    "timezone": "",
    "only_unmatched": None,
}


def rule_spec(rule: Rule) -> Spec:
    """The row as a spec that `parse_rule` takes; settings at their default are left out."""
    values = {name: getattr(rule, name) for name in KEYS}
    return {name: value for name, value in values.items() if name not in DEFAULTS or value != DEFAULTS[name]}


def rule_apply(rule: Rule, spec: Spec) -> Rule:
    """Put a spec that `parse_rule` accepted onto an unsaved or existing row; `enabled` is left alone."""
    for name in KEYS:
        if name != "enabled":
            setattr(rule, name, spec.get(name, DEFAULTS.get(name, 100 if name == "priority" else None)))
    return rule


def rule_digest(rule: Rule) -> str:
    """Digest of what the rule says. Whether it is enabled is a switch, not content, and stays out."""
    return content_digest({name: value for name, value in rule_spec(rule).items() if name != "enabled"})
