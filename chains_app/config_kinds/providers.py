"""`providers`: the services that the gateway calls. Their secrets come from the environment as ${NAME}.

A `url` that names a variable holds a secret, too: it is kept as `secret_url`, and exported as the file wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.kind import Kind, Spec
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
from chains_app.models import Provider
from chains_app.providers.registry import KINDS
from chains_app.services.editing import configuration_lock
from chains_app.services.in_use import runs_calling_provider
from chains_app.specs import ProviderSpec, parse_provider, provider_spec

SECRET_URL = "secret_url"  # noqa: S105 - the name of a key
# Long words of letters and digits behind the host, as tokens are.
_BEFORE_PATH = re.compile(r"^[^/]*//[^/?#]*")
_WORD, _DIGIT, _LETTER = re.compile(r"[A-Za-z0-9_-]{20,}"), re.compile(r"\d"), re.compile(r"[A-Za-z]")


class Providers(Kind):
    section = "providers"
    title = "provider"
    file = "providers.yaml"
    area = config_versions.PROVIDERS
    spelled = {"kind": "type"}
    disables = False

    def lock(self) -> None:
        configuration_lock()

    def rows(self) -> QuerySet[Provider]:
        return Provider.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        return [_as_written(problem, spec) for problem in parse_provider(spec)[1]]

    def resolve(self, spec: Spec, environment: Mapping[str, str]) -> tuple[Spec, list[FieldProblem]]:
        spec = _with_secret_url(spec)
        resolved, problems = resolve_secrets(spec, secret_keys(spec), environment)
        if names_variable(spec.get("url")):
            message = "only secrets are taken from the environment, and this type has no secret address"
            problems.append(FieldProblem("url", message))
        return resolved, [_as_written(problem, resolved) for problem in problems]

    def advise(self, spec: Spec) -> list[FieldProblem]:
        """Every secret that stands in the file itself, and an address that seems to hold one."""
        found: list[FieldProblem] = []

        def look(field: str, text: str) -> str:
            if not isinstance(text, FromEnvironment) and not is_plain(field):
                found.append(
                    FieldProblem(field, "stands in the file; write ${NAME} and set NAME where loads run")
                )
            return text

        map_secrets(spec, secret_keys(spec), look)
        if _holds_token(spec.get("url")):
            message = (
                "looks as if it held a token; with ${NAME} in place of it the address is kept as a secret"
            )
            found.append(FieldProblem("url", message))
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
        masked = mask_secrets(spec, secret_keys(spec), row.secret_spellings)
        return {"url" if name == SECRET_URL else name: value for name, value in masked.items()}

    def columns(self, spec: Spec) -> dict[str, Any]:
        return {**asdict(_parsed(spec)), "secret_spellings": spellings(spec, secret_keys(spec))}

    def in_use(self, row: Provider) -> str | None:
        calling = runs_calling_provider(row.name)
        return f"{', '.join(calling)} call it" if calling else None


def secret_keys(spec: Mapping[str, Any]) -> frozenset[str]:
    kind = KINDS.get(str(spec.get("type")))
    return kind.secret_keys if kind else frozenset()


def _with_secret_url(spec: Spec) -> Spec:
    if not names_variable(spec.get("url")) or SECRET_URL not in secret_keys(spec) - spec.keys():
        return spec
    return {SECRET_URL if name == "url" else name: value for name, value in spec.items()}


def _holds_token(url: Any) -> bool:
    words = _WORD.findall(_BEFORE_PATH.sub("", url)) if isinstance(url, str) else []
    return any(_DIGIT.search(word) and _LETTER.search(word) for word in words)


def _as_written(problem: FieldProblem, spec: Any) -> FieldProblem:
    """The problem with the key as the file has it."""
    value = spec.get(SECRET_URL) if isinstance(spec, Mapping) else None
    moved = problem.field == SECRET_URL and "url" not in spec and isinstance(value, FromEnvironment)
    return replace(problem, field="url") if moved else problem


def _parsed(spec: Spec) -> ProviderSpec:
    parsed, problems = parse_provider(spec)
    if parsed is None:
        raise ValueError(f"provider that does not validate: {problems[0]}")
    return parsed
