"""`providers`: whom the gateway calls. Headers and signing keys come from the environment as ${NAME}."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import stamps
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.kinds.base import Kind, Spec
from acteon_site.config_files.secrets import (
    FromEnvironment,
    hide_secrets,
    is_plain,
    map_secrets,
    mask_secrets,
    names_variable,
    resolve_secrets,
    spellings,
)
from chains_app.definitions import parse_definition
from chains_app.models import ChainVersion, Provider, Run
from chains_app.providers.registry import KINDS
from chains_app.specs import ProviderSpec, parse_provider, provider_spec


class Providers(Kind):
    section = "providers"
    title = "provider"
    area = stamps.PROVIDERS
    spelled = {"kind": "type"}
    disables = False

    def rows(self) -> QuerySet[Provider]:
        return Provider.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        return parse_provider(spec)[1]

    def resolve(self, spec: Spec, environment: Mapping[str, str]) -> tuple[Spec, list[FieldProblem]]:
        resolved, problems = resolve_secrets(spec, secret_keys(spec), environment)
        if names_variable(spec.get("url")):
            problems.append(
                FieldProblem("url", "only headers and signing keys are taken from the environment")
            )
        return resolved, problems

    def advise(self, spec: Spec) -> list[FieldProblem]:
        """Every secret that stands in the file itself."""
        found: list[FieldProblem] = []

        def look(field: str, text: str) -> str:
            if not isinstance(text, FromEnvironment) and not is_plain(field):
                found.append(
                    FieldProblem(field, "stands in the file; write ${NAME} and set NAME where loads run")
                )
            return text

        map_secrets(spec, secret_keys(spec), look)
        return found

    def canonical(self, spec: Spec) -> Spec:
        parsed: Any = _parsed(spec)  # has the row's fields, frozen
        return provider_spec(parsed)

    def compared(self, spec: Spec) -> Spec:
        return hide_secrets(spec, secret_keys(spec))

    def to_spec(self, row: Provider) -> Spec:
        return provider_spec(row)

    def exported(self, row: Provider) -> Spec:
        spec = self.to_spec(row)
        return mask_secrets(spec, secret_keys(spec), row.secret_spellings)

    def columns(self, spec: Spec) -> dict[str, Any]:
        return {**asdict(_parsed(spec)), "secret_spellings": spellings(spec, secret_keys(spec))}

    def in_use(self, row: Provider) -> str | None:
        running = Run.objects.filter(ended_at__isnull=True)
        if running.filter(provider=row.name, version__isnull=True).exists():
            return "actions under way call it"
        for version in ChainVersion.objects.filter(pk__in=running.values("version")):
            definition, _ = parse_definition(version.spec)
            if definition is None or row.name in definition.providers:
                return f"runs of chain {version.spec['name']!r} are under way"
        return None


def secret_keys(spec: Mapping[str, Any]) -> frozenset[str]:
    kind = KINDS.get(str(spec.get("type")))
    return kind.secret_keys if kind else frozenset()


def _parsed(spec: Spec) -> ProviderSpec:
    parsed, problems = parse_provider(spec)
    if parsed is None:
        raise ValueError(f"provider that does not validate: {problems[0]}")
    return parsed
