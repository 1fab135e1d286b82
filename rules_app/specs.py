"""A rule's row in the shape of the YAML files, which is what is parsed, published and exported."""

from __future__ import annotations

from typing import Any

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
    "shadow": False,
    "rollout": None,
}


def rule_spec(rule: Rule) -> Spec:
    """The row as a spec that `parse_rule` takes; settings at their default are left out."""
    values = {name: getattr(rule, name) for name in KEYS}
    return {name: value for name, value in values.items() if name not in DEFAULTS or value != DEFAULTS[name]}
