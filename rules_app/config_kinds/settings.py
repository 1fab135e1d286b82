"""`settings`: the one row of what all rules share. A row that says nothing counts as none."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import name_problem
from acteon_site.config_files.checks import Field, check_fields, kind_of
from acteon_site.config_files.documents import Document, Entry, Place
from acteon_site.config_files.kind import Identity, Kind, Ownership, Spec, put
from acteon_site.config_files.problems import FileProblem
from acteon_site.config_files.toml_tables import TomlTables
from rules_app.config_kinds.rule_set import RULE_SET
from rules_app.engine import timezone_problem
from rules_app.engine.muting_terms import mutables_problem
from rules_app.models import RuleSettings


def namespaces(value: Any) -> str | None:
    """Names of namespaces, or * alone."""
    if not isinstance(value, list):
        return f"must be a list of namespaces, not {kind_of(value)}"
    if value == ["*"]:
        return None
    found = ((name, name_problem(name, colon_allowed=False)) for name in value)
    return next((f"{name}: {problem}" for name, problem in found if problem), None)


FIELDS = {
    "default_timezone": Field(timezone_problem),
    "second_person": Field(namespaces),
    "muting": Field(mutables_problem),
}


def _something_said(spec: Any) -> list[FieldProblem]:
    if any(spec.get(name) is not None for name in FIELDS):
        return []
    return [FieldProblem("default_timezone", "is required, where second_person and muting are not given")]


class Settings(Kind):
    section = "settings"
    title = "settings"
    file = "settings.yaml"
    publisher = RULE_SET
    key = ()
    toml_table = "rules"
    defaults = {"default_timezone": "", "second_person": [], "muting": []}

    def rows(self) -> QuerySet[RuleSettings]:
        return RuleSettings.objects.exclude(default_timezone="", second_person=[], muting=[])

    def validate(self, spec: Any) -> list[FieldProblem]:
        return check_fields(spec, FIELDS) or _something_said(spec)

    def canonical(self, spec: Spec) -> Spec:
        named = spec.get("second_person")
        return super().canonical({**spec, "second_person": sorted(set(named))} if named else spec)

    def to_spec(self, row: RuleSettings) -> Spec:
        return self.canonical({name: getattr(row, name) for name in FIELDS})

    def map_toml(self, toml: TomlTables) -> None:
        """TOML has them in `[rules]`, which the rules read."""

    def label(self, identity: Identity) -> str:
        return "default_timezone"

    def write(self, row: Any, spec: Spec, ownership: Ownership) -> Any:
        # Publishing rules makes the row before anyone has set anything in it.
        return super().write(row or RuleSettings.objects.get_or_create(pk=1)[0], spec, ownership)

    def remove(self, row: RuleSettings) -> None:
        put(row, {**self.defaults, "source": "", "loaded_digest": ""})

    def gather(self, specs: list[Spec]) -> Any:
        return specs[0] if specs else {}

    def expand(self, value: Any, document: Document, at: Place) -> tuple[list[Entry], list[FileProblem]]:
        if value is None:
            return [], []
        if isinstance(value, dict):
            return [Entry(self.section, value, document, at)], []
        return [], [document.problem(at, "must be an object with default_timezone, second_person or muting")]
