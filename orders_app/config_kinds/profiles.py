"""`profiles`: template profiles, whose rendered fields are merged into a payload before rules run."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.checks import Field, check_fields, mapping, scope, short_name, text, texts
from acteon_site.config_files.kind import Kind, Reference, Spec
from orders_app.models import TemplateProfile
from orders_app.services.template_edits import profile_problems

FIELDS = {
    "name": Field(short_name, required=True),
    "namespace": Field(scope, required=True),
    "tenant": Field(scope, required=True),
    "fields": Field(mapping, required=True),
    "description": Field(text),
    "labels": Field(texts),
}


class Profiles(Kind):
    section = "profiles"
    title = "template profile"
    file = "templates.yaml"
    area = config_versions.TEMPLATES
    key = ("namespace", "tenant", "name")
    defaults = {"description": "", "labels": {}}

    def rows(self) -> QuerySet[TemplateProfile]:
        return TemplateProfile.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        problems = check_fields(spec, FIELDS)
        if problems:
            return problems
        # Whether what is referred to exists is seen once all files are read.
        refs = [value.get("$ref") for value in spec["fields"].values() if isinstance(value, dict)]
        return profile_problems(spec["name"], spec["fields"], {ref for ref in refs if isinstance(ref, str)})

    def to_spec(self, row: TemplateProfile) -> Spec:
        return self.canonical({name: getattr(row, name) for name in FIELDS})

    def references(self, spec: Spec) -> list[Reference]:
        fields = spec.get("fields")
        return [
            Reference(f"fields.{name}", "templates", (spec["namespace"], spec["tenant"], str(value["$ref"])))
            for name, value in (fields.items() if isinstance(fields, dict) else ())
            if isinstance(value, dict) and "$ref" in value
        ]
