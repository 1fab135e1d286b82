"""`recurring`: actions that are dispatched again and again by a cron expression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import parse_time, rfc3339, rfc3339_or_none
from acteon_site.base.digest import canonical_json, keyed_hash
from acteon_site.base.errors import FieldProblem
from acteon_site.base.labels import labels_of
from acteon_site.base.source import SYSTEM_SOURCE, Source
from acteon_site.config_files.checks import flag
from acteon_site.config_files.kind import Kind, Misfit, Ownership, Spec, World
from acteon_site.config_files.problems import did_you_mean
from audit_app.selectors import current_redactor
from orders_app.models import RecurringAction
from orders_app.recurring.cron import cron_text
from orders_app.recurring.spec import DEFAULTS, KEYS, columns_of, full_spec, spec_problems
from orders_app.services.recurring.edits import next_of, recurring_note, recurring_spec, still_due


class Recurring(Kind):
    section = "recurring"
    title = "recurring action"
    file = "recurring.yaml"
    area = config_versions.RECURRING
    key = ("namespace", "tenant", "name")
    defaults = {**{name: value for name, value in DEFAULTS.items() if name != "name"}, "enabled": True}
    undigested = ("enabled",)
    spelled = {"starts_at": "start_date", "ends_at": "end_date"}

    def rows(self) -> QuerySet[RecurringAction]:
        return RecurringAction.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        known = (*KEYS, "enabled")
        problems = [
            FieldProblem(name, f"unknown key{did_you_mean(name, known)}")
            for name in spec
            if name not in known
        ]
        if not spec.get("name"):
            problems.append(FieldProblem("name", "is required: what a later load knows it by"))
        if spec.get("enabled") is not None and (problem := flag(spec["enabled"])):
            problems.append(FieldProblem("enabled", problem))
        return problems + [
            one for one in spec_problems(full_spec(spec)) if one.field != "name" or spec.get("name")
        ]

    def canonical(self, spec: Spec) -> Spec:
        """Times, expression and metadata as the row gives them back."""
        spelt = dict(spec)
        for name in ("start_date", "end_date"):
            if (moment := parse_time(spec.get(name))) is not None:
                spelt[name] = rfc3339(moment)
        if isinstance(spec.get("cron_expression"), str):
            spelt["cron_expression"] = cron_text(spec["cron_expression"])
        if isinstance(spec.get("metadata"), dict):
            spelt["metadata"] = labels_of(spec["metadata"])[0]
        return super().canonical(spelt)

    def to_spec(self, row: RecurringAction) -> Spec:
        spec = recurring_spec(row) | {"enabled": row.enabled}
        times = {name: rfc3339_or_none(spec[name]) for name in ("start_date", "end_date")}
        return self.canonical(spec | times)

    def columns(self, spec: Spec) -> dict[str, Any]:
        columns = columns_of(full_spec(spec))
        enabled = spec.get("enabled")
        return {**columns, "enabled": True if enabled is None else enabled}

    def kept(self, row: RecurringAction) -> tuple[str, ...]:
        return ("enabled",) if row.enabled_by else ()

    def compared(self, spec: Spec) -> Spec:
        """Of a payload that holds what redaction hides: what may be shown, and a keyed hash of all of it."""
        payload = spec.get("payload")
        shown = current_redactor().scrubber(payload).payload if isinstance(payload, dict) else payload
        if shown == payload or not isinstance(payload, dict):
            return spec
        return {
            **spec,
            "payload": {**(shown or {}), "(whole)": f"keyed:{keyed_hash(canonical_json(payload))}"},
        }

    def write(self, row: Any, spec: Spec, ownership: Ownership) -> Any:
        """One whose end has passed is loaded all the same: it is completed."""
        before = {} if row is None else _facts(row)
        written = super().write(row, spec, ownership)
        after, now = _facts(written), db_now()
        if before != after:
            changed = [name for name, value in after.items() if before.get(name) != value]
            if "enabled" in changed or not still_due(written, now, changed):
                written.next_at = next_of(written, now)
                written.look_at = written.next_at if written.enabled else None
            written.attempts, written.problem = 0, ""
            written.created_by = written.created_by or ownership.actor
            written.save(update_fields=["next_at", "look_at", "attempts", "problem", "created_by"])
            recurring_note(written, "loaded", Source(ownership.actor, "load", ""), file=ownership.source)
        return written

    def remove(self, row: RecurringAction) -> None:
        recurring_note(row, "deleted", SYSTEM_SOURCE, reason="it left the files")
        super().remove(row)

    def cross_check(self, world: World) -> Iterable[Misfit]:
        """More in a tenant than it may have."""
        most = settings.RECURRING_PER_TENANT
        counted = Counter(identity[:2] for identity in world[self.section])
        for identity in world[self.section]:
            if counted[identity[:2]] > most:
                message = (
                    f"the tenant would have {counted[identity[:2]]} recurring actions, and may have {most}"
                )
                yield (
                    self.section,
                    identity,
                    FieldProblem("tenant", f"{message} (ACTEON_RECURRING_PER_TENANT)"),
                )
                counted[identity[:2]] = 0

    def overlooked(self, world: World) -> Iterable[Misfit]:
        known = {identity[0] for identity in world["providers"]}
        for identity, spec in world[self.section].items():
            if spec.get("provider") not in known:
                message = f"there is no provider {spec.get('provider')!r}, so each firing fails"
                yield self.section, identity, FieldProblem("provider", message)


def _facts(row: RecurringAction) -> dict[str, Any]:
    return {**recurring_spec(row), "enabled": row.enabled}
