"""`retention`: how long a tenant's data is kept."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from acteon_site.base.errors import FieldProblem
from acteon_site.base.source import Source
from acteon_site.config_files.checks import Field, check_fields, flag, scope, text, texts, whole
from acteon_site.config_files.kind import Kind, Ownership, Spec
from audit_app.compliance import audit_ttl_problem
from audit_app.models import RetentionPolicy
from audit_app.services.retention import LONGEST_TTL, SETTINGS, TTLS, retention_note

FIELDS = {
    "namespace": Field(scope, required=True),
    "tenant": Field(scope, required=True),
    **{name: Field(whole(1, LONGEST_TTL)) for name in TTLS},
    "enabled": Field(flag),
    "compliance_hold": Field(flag),
    "description": Field(text),
    "labels": Field(texts),
}


class Retention(Kind):
    section = "retention"
    title = "retention policy"
    file = "retention.yaml"
    tells = True
    area = ""  # the reaper reads the rows themselves
    key = ("namespace", "tenant")
    defaults = {
        "enabled": True,
        "compliance_hold": False,
        "description": "",
        "labels": {},
        **dict.fromkeys(TTLS),
    }

    def rows(self) -> QuerySet[RetentionPolicy]:
        return RetentionPolicy.objects.all()

    def tell(self, before: Spec | None, after: Spec | None, ownership: Ownership) -> None:
        source = Source(ownership.actor, "load", "")
        sides = [{**self.defaults, **spec} if spec is not None else None for spec in (before, after)]
        retention_note(before=sides[0], after=sides[1], source=source)

    def validate(self, spec: Any) -> list[FieldProblem]:
        problems = check_fields(spec, FIELDS)
        ttl = spec.get("audit_ttl_seconds") if isinstance(spec, dict) else None
        if not problems and (problem := audit_ttl_problem(ttl)):
            problems.append(FieldProblem("audit_ttl_seconds", problem))
        return problems

    def to_spec(self, row: RetentionPolicy) -> Spec:
        return self.canonical({name: getattr(row, name) for name in (*self.key, *SETTINGS)})
