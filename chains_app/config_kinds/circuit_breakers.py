"""`circuit_breakers`: when a provider is left alone, and who stands in for it. Live state is not touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.documents import Entry, Place
from acteon_site.config_files.kind import Kind, Misfit, Reference, Spec, World
from acteon_site.config_files.toml_tables import TomlTables
from chains_app.definitions.graph import find_cycle
from chains_app.models import CircuitBreaker
from chains_app.specs import BreakerSpec, breaker_spec, parse_breaker

TOML_KEYS = (
    "enabled",
    "failure_threshold",
    "success_threshold",
    "recovery_timeout_seconds",
    "fallback_provider",
)


class CircuitBreakers(Kind):
    section = "circuit_breakers"
    title = "circuit breaker"
    file = "providers.yaml"
    area = config_versions.PROVIDERS
    key = ("provider",)
    defaults = asdict(BreakerSpec(provider=""))
    toml_table = "circuit_breaker"

    def rows(self) -> QuerySet[CircuitBreaker]:
        return CircuitBreaker.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        return parse_breaker(spec)[1]

    def to_spec(self, row: CircuitBreaker) -> Spec:
        return breaker_spec(row)

    def references(self, spec: Spec) -> list[Reference]:
        named = [(field, spec.get(field)) for field in ("provider", "fallback_provider")]
        return [Reference(field, "providers", (name,)) for field, name in named if name]

    def map_toml(self, toml: TomlTables) -> None:
        """`[circuit_breaker]` is what all share, `[circuit_breaker.providers.X]` what one has of its own: one
        breaker for each provider of the file."""
        at: Place = ("circuit_breaker",)
        if "circuit_breaker" not in toml.data:
            return
        table = toml.table(toml.data["circuit_breaker"], at, (*TOML_KEYS, "providers"))
        shared = {name: table[name] for name in TOML_KEYS if name in table}
        own = toml.table(table.get("providers"), (*at, "providers"))
        for name in dict.fromkeys([*_provider_names(toml.data), *own]):
            place: Place = (*at, "providers", name) if name in own else at
            settings = toml.table(own.get(name), place, TOML_KEYS)
            # Fields without a table of their own stand in the shared one.
            moved = {key: (*at, key) for key in shared if key not in settings}
            named = {key: settings[key] for key in TOML_KEYS if key in settings}
            spec = {"provider": name, **shared, **named}
            toml.entries.append(Entry(self.section, spec, toml.document, place, moved))

    def cross_check(self, world: World) -> Iterable[Misfit]:
        """Fallbacks that lead back to where they began."""
        edges = {
            name: (spec["fallback_provider"],)
            for (name,), spec in world[self.section].items()
            if spec.get("fallback_provider")
        }
        cycle = find_cycle(edges)
        message = f"the fallbacks go round in a circle: {' -> '.join(cycle)}"
        for name in dict.fromkeys(cycle):
            yield self.section, (name,), FieldProblem("fallback_provider", message)


def _provider_names(data: Mapping[str, Any]) -> list[str]:
    listed = data.get("providers")
    items = listed if isinstance(listed, list) else []
    names = [item.get("name") for item in items if isinstance(item, Mapping)]
    return [name for name in names if isinstance(name, str) and name]
