"""`templates`: Jinja texts that template profiles refer to."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.checks import Field, check_fields, long_text, scope, short_name, text, texts
from acteon_site.config_files.kind import Kind, Spec
from orders_app.models import Template
from orders_app.services.template_edits import template_problems

FIELDS = {
    "name": Field(short_name, required=True),
    "namespace": Field(scope, required=True),
    "tenant": Field(scope, required=True),
    "content": Field(long_text, required=True),
    "description": Field(text),
    "labels": Field(texts),
}


class Templates(Kind):
    section = "templates"
    title = "template"
    file = "templates.yaml"
    area = config_versions.TEMPLATES
    key = ("namespace", "tenant", "name")
    defaults = {"description": "", "labels": {}}

    def rows(self) -> QuerySet[Template]:
        return Template.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        problems = check_fields(spec, FIELDS)
        return problems or template_problems(spec["name"], spec["content"])

    def to_spec(self, row: Template) -> Spec:
        return self.canonical({name: getattr(row, name) for name in FIELDS})
