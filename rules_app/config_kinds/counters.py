"""`counters`: what rules may ask about orders that came before. Loading them publishes a version, as rules do."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.kind import Kind, Spec
from rules_app.config_kinds.rule_set import RULE_SET
from rules_app.engine.counting import parse_counter
from rules_app.models import RuleCounter
from rules_app.services.rule_sets import rules_lock
from rules_app.specs import COUNTER_DEFAULTS, counter_canonical, counter_columns, counter_spec


class Counters(Kind):
    section = "counters"
    title = "counter"
    file = "counters.yaml"
    publisher = RULE_SET
    defaults = COUNTER_DEFAULTS

    def lock(self) -> None:
        rules_lock()

    def rows(self) -> QuerySet[RuleCounter]:
        return RuleCounter.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        return parse_counter(spec)[1]

    def canonical(self, spec: Spec) -> Spec:
        return super().canonical(counter_canonical(spec))

    def to_spec(self, row: RuleCounter) -> Spec:
        return self.canonical(counter_spec(row))

    def columns(self, spec: Spec) -> dict[str, Any]:
        return counter_columns(spec)
