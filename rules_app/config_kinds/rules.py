"""`rules`: what decides about every action. Loading them publishes a new version of the rule set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.documents import Place
from acteon_site.config_files.kind import Kind, Misfit, Reference, Spec, World
from acteon_site.config_files.toml_tables import TomlTables
from rules_app.checking import Severity, check_rules
from rules_app.checking.counters import counter_problems
from rules_app.config_kinds.checks import counters_declared, question_of
from rules_app.config_kinds.rule_set import RULE_SET
from rules_app.engine import parse_rule
from rules_app.engine.actions.parse import parse_action
from rules_app.engine.rules import DEFAULT_PRIORITY
from rules_app.models import Rule
from rules_app.services.rule_sets import rules_lock
from rules_app.specs import DEFAULTS, rule_spec

SETTINGS = ("default_timezone", "second_person", "muting")


class Rules(Kind):
    section = "rules"
    title = "rule"
    file = "rules.yaml"
    publisher = RULE_SET
    defaults = DEFAULTS
    # Whether a rule is enabled is a switch that people throw, not content.
    undigested = ("enabled",)
    toml_table = "rules"

    def lock(self) -> None:
        rules_lock()

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

    def map_toml(self, toml: TomlTables) -> None:
        """`[rules]` holds no rules: it says where their files are, and what all of them share."""
        at: Place = ("rules",)
        table = toml.table(toml.data.get("rules"), at, ("directory", *SETTINGS))
        shared = {name: table[name] for name in SETTINGS if name in table}
        if shared:
            toml.sections["settings"] = (shared, at)
        directory = table.get("directory")
        if isinstance(directory, str) and directory:
            toml.directories.append((directory, (*at, "directory")))
        elif directory is not None:
            toml.refuse((*at, "directory"), "must be the path of a directory")

    def references(self, spec: Spec) -> list[Reference]:
        action = parse_action(spec.get("action"), "action", [])  # None in a row that nobody checked
        named = action.references() if action else []
        return [Reference(f"action.{setting}", section, (name,)) for setting, section, name in named]

    def cross_check(self, world: World) -> Iterable[Misfit]:
        """Counters that nobody has declared, and what one does not count."""
        counters = counters_declared(world, "UTC")
        for identity, spec in world["rules"].items():
            rule, _ = parse_rule(spec)
            for problem in counter_problems(rule, counters) if rule else ():
                yield self.section, identity, problem

    def overlooked(self, world: World) -> Iterable[Misfit]:
        """What the check of the whole set says of its rules; docs/rules.md has every finding."""
        for finding in check_rules(question_of(world)):
            if finding.rule and finding.severity > Severity.NOTE:
                yield self.section, (finding.rule,), FieldProblem(finding.field, finding.message)
