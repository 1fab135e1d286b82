"""`quotas`: how many actions a tenant may have accepted per window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.kind import Kind, Reference, Spec
from acteon_site.config_files.problems import did_you_mean
from acteon_site.config_files.toml_tables import TomlTables
from rules_app.engine.quota_terms import KEYS, QuotaTerms, overage_text, parse_quota, window_text
from rules_app.models import Quota
from rules_app.services.quota_windows import quota_usage
from rules_app.services.quotas import quota_spec


class Quotas(Kind):
    section = "quotas"
    title = "quota"
    file = "quotas.yaml"
    area = config_versions.QUOTAS
    key = ("namespace", "tenant", "provider", "principal")
    defaults = {
        "provider": "",
        "principal": "",
        "per_principal": False,
        "overage_behavior": "block",
        "enabled": True,
        "description": "",
        "labels": {},
    }
    spelled = {
        "overage": "overage_behavior",
        "overage_target": "overage_behavior",
        "window_seconds": "window",
    }

    def rows(self) -> QuerySet[Quota]:
        return Quota.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        unknown = [
            FieldProblem(name, f"unknown key{did_you_mean(name, KEYS)}") for name in spec if name not in KEYS
        ]
        return unknown + parse_quota(spec)[1]

    def map_toml(self, toml: TomlTables) -> None:
        if isinstance(toml.data.get("quotas"), Mapping):  # the reference's switch
            toml.warn(("quotas",), "is not read: quotas are in force where they exist")
        else:
            super().map_toml(toml)

    def canonical(self, spec: Spec) -> Spec:
        """In the spelling of answers: `hourly` or seconds as text, `degrade:<provider>`."""
        terms, _ = parse_quota(spec)
        spelled = _spelled(terms) if terms else {}
        return {name: value for name, value in super().canonical({**spec, **spelled}).items() if value != ""}

    def to_spec(self, row: Quota) -> Spec:
        return self.canonical(quota_spec(row))

    def columns(self, spec: Spec) -> dict[str, Any]:
        terms, _ = parse_quota(spec)
        return asdict(terms) if terms else {}

    def references(self, spec: Spec) -> list[Reference]:
        terms, _ = parse_quota(spec)
        named = [("provider", terms.provider), ("overage_behavior", terms.overage_target)] if terms else []
        return [Reference(field, "providers", (name,)) for field, name in named if name]

    def in_use(self, row: Quota) -> str | None:
        used = quota_usage(row).used
        return f"{used} accepted in its present window" if used else None


def _spelled(terms: QuotaTerms) -> Spec:
    return {
        "window": window_text(terms.window, terms.window_seconds),
        "overage_behavior": overage_text(terms.overage, terms.overage_target),
    }
