"""`circuit_breakers`: when a provider is left alone, and who stands in for it. Live state is not touched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import stamps
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.kinds.base import Identity, Kind, Reference, Spec, World
from chains_app.definitions.graph import find_cycle
from chains_app.models import CircuitBreaker
from chains_app.specs import BreakerSpec, breaker_spec, parse_breaker


class CircuitBreakers(Kind):
    section = "circuit_breakers"
    title = "circuit breaker"
    area = stamps.PROVIDERS
    key = ("provider",)
    defaults = asdict(BreakerSpec(provider=""))

    def rows(self) -> QuerySet[CircuitBreaker]:
        return CircuitBreaker.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        return parse_breaker(spec)[1]

    def to_spec(self, row: CircuitBreaker) -> Spec:
        return breaker_spec(row)

    def references(self, spec: Spec) -> list[Reference]:
        named = [(field, spec.get(field)) for field in ("provider", "fallback_provider")]
        return [Reference(field, "providers", (name,)) for field, name in named if name]

    def cross_check(self, world: World) -> Iterable[tuple[Identity, FieldProblem]]:
        """Fallbacks that lead back to where they began."""
        edges = {
            name: (spec["fallback_provider"],)
            for (name,), spec in world[self.section].items()
            if spec.get("fallback_provider")
        }
        cycle = find_cycle(edges)
        message = f"the fallbacks go round in a circle: {' -> '.join(cycle)}"
        for name in dict.fromkeys(cycle):
            yield (name,), FieldProblem("fallback_provider", message)
