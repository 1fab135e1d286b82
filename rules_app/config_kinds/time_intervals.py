"""`time_intervals`: times that rules name. Loading them publishes a version, as rules do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from acteon_site.base.errors import FieldProblem
from acteon_site.base.source import Source
from acteon_site.config_files.kind import Identity, Kind, Misfit, Ownership, Spec, World
from rules_app.config_kinds.rule_set import RULE_SET
from rules_app.engine.intervals import parse_interval
from rules_app.engine.muting_terms import intervals_named, intervals_not_there
from rules_app.engine.named_lists import ALL
from rules_app.models import TimeInterval
from rules_app.services.rule_sets import rules_lock
from rules_app.services.time_intervals import interval_noted
from rules_app.specs import INTERVAL_DEFAULTS, interval_canonical, interval_spec

LOADED = "load"


class TimeIntervals(Kind):
    section = "time_intervals"
    title = "time interval"
    file = "time_intervals.yaml"
    publisher = RULE_SET
    key = ("name", "namespace", "tenant")
    defaults = INTERVAL_DEFAULTS
    # An interval that rules name is not taken away from under them.
    disables = False

    def lock(self) -> None:
        rules_lock()

    def rows(self) -> QuerySet[TimeInterval]:
        return TimeInterval.objects.all()

    def label(self, identity: Identity) -> str:
        name, namespace, tenant = identity
        return name if namespace == tenant == ALL else f"{name} ({namespace}/{tenant})"

    def validate(self, spec: Any) -> list[FieldProblem]:
        return parse_interval(spec)[1]

    def canonical(self, spec: Spec) -> Spec:
        found = super().canonical(interval_canonical(spec))
        return {name: value for name, value in found.items() if value != INTERVAL_DEFAULTS.get(name)}

    def to_spec(self, row: TimeInterval) -> Spec:
        return self.canonical(interval_spec(row))

    def write(self, row: Any, spec: Spec, ownership: Ownership) -> Any:
        change = "loaded" if row is None else "changed"
        written = super().write(row, spec, ownership)
        interval_noted(written, Source(ownership.actor, LOADED, ""), change)
        return written

    def remove(self, row: TimeInterval) -> None:
        interval_noted(row, Source(row.source, LOADED, ""), "deleted")
        row.delete()

    def cross_check(self, world: World) -> Iterable[Misfit]:
        """Every rule must find the intervals that it names, wherever it is asked."""
        known = {(name, namespace, tenant) for name, namespace, tenant in world[self.section]}
        for identity, spec in world["rules"].items():
            if any(intervals_named(spec)):
                for place, problem in intervals_not_there(spec, known):
                    yield "rules", identity, FieldProblem(place, problem)
