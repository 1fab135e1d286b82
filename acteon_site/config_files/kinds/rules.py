"""`rules`: what decides about every action. Loading them publishes a new version of the rule set."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from acteon_site.base import stamps
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.kinds.base import Kind, Reference, Spec
from rules_app.engine import parse_rule
from rules_app.engine.rules import DEFAULT_PRIORITY
from rules_app.models import Rule
from rules_app.specs import DEFAULTS, rule_spec

# Which setting of which action names what.
_NAMED = {
    "reroute": ("target_provider", "providers"),
    "request_approval": ("notify_provider", "providers"),
    "chain": ("chain", "chains"),
}


class Rules(Kind):
    section = "rules"
    title = "rule"
    area = stamps.RULES
    defaults = DEFAULTS
    # Whether a rule is enabled is a switch that people throw, not content.
    undigested = ("enabled",)

    def rows(self) -> QuerySet[Rule]:
        return Rule.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        return parse_rule(spec)[1]

    def canonical(self, spec: Spec) -> Spec:
        return {"priority": DEFAULT_PRIORITY, **super().canonical(spec)}

    def to_spec(self, row: Rule) -> Spec:
        return self.canonical(rule_spec(row))

    def kept(self, row: Rule) -> tuple[str, ...]:
        return ("enabled",) if row.enabled_by else ()

    @property
    def listing(self) -> tuple[str, ...]:
        return ("priority", "name")

    def references(self, spec: Spec) -> list[Reference]:
        action = spec.get("action")
        if not isinstance(action, dict):  # a row that nobody checked
            return []
        setting, section = _NAMED.get(str(action.get("type")), ("", ""))
        return [Reference(f"action.{setting}", section, (str(action.get(setting)),))] if setting else []
