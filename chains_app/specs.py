"""Providers and breakers as files and forms spell them: read strictly, written back as they are read. No database.

A provider is flat: {name, type, enabled?, description?, timeout_seconds?, idempotency_window_seconds?,
max_concurrent?} and its kind's own keys, of which headers and signing keys are secrets.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from acteon_site.base.errors import FieldProblem
from chains_app.definitions.graph import find_cycle
from chains_app.definitions.reader import Problems, Reader, suggestion
from chains_app.providers.base import MAX_CONCURRENT
from chains_app.providers.registry import KINDS

PROVIDER_KEYS = (
    *("name", "type", "enabled", "description"),
    *("timeout_seconds", "idempotency_window_seconds", "max_concurrent"),
)
BREAKER_KEYS = (
    *("provider", "enabled", "failure_threshold", "success_threshold"),
    *("recovery_timeout_seconds", "fallback_provider"),
)
MAX_TIMEOUT = 300
MAX_WINDOW = 31_622_400
MOST_CONCURRENT = 1000


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """A checked provider; the fields are the model's."""

    name: str
    kind: str
    enabled: bool = True
    description: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 10
    idempotency_window_seconds: int = 82_800
    max_concurrent: int = MAX_CONCURRENT


@dataclass(frozen=True, slots=True)
class BreakerSpec:
    """A checked breaker; the fields are the model's."""

    provider: str
    enabled: bool = True
    failure_threshold: int = 3
    success_threshold: int = 1
    recovery_timeout_seconds: int = 30
    fallback_provider: str = ""


class ProviderRow(Protocol):
    name: str
    kind: str
    enabled: bool
    description: str
    config: Any
    secrets: Any
    timeout_seconds: float
    idempotency_window_seconds: int
    max_concurrent: int


def parse_provider(
    spec: object, *, warnings: list[FieldProblem] | None = None
) -> tuple[ProviderSpec | None, list[FieldProblem]]:
    """The provider, or None with every problem. Unknown keys are problems unless `warnings` takes them."""
    problems = Problems(warnings)
    kind_name = spec.get("type") if isinstance(spec, Mapping) else None
    kind = KINDS.get(kind_name) if isinstance(kind_name, str) else None
    own = kind.config_keys | kind.secret_keys if kind else frozenset()
    known = {*PROVIDER_KEYS, *own}
    # Of an unknown kind nobody knows the keys: one problem says what is wrong.
    reader = Reader(spec, "", known if kind else _all_keys(spec), problems)
    name = reader.name("name", required=True, colon_allowed=False)
    if kind is None:
        reader.problem("type", f"must be one of {', '.join(KINDS)}")
        return None, problems.found
    config = {key: reader.raw(key) for key in sorted(kind.config_keys) if reader.raw(key) is not None}
    secrets = {key: reader.raw(key) for key in sorted(kind.secret_keys) if reader.raw(key) is not None}
    problems.found += kind.check(config, secrets)
    parsed = ProviderSpec(
        name=name,
        kind=kind.name,
        enabled=reader.raw("enabled") is None or reader.flag("enabled"),
        description=reader.text("description"),
        config=config,
        secrets=secrets,
        timeout_seconds=reader.seconds("timeout_seconds", least=0.1, most=MAX_TIMEOUT) or 10,
        idempotency_window_seconds=reader.integer("idempotency_window_seconds", 82_800, 0, MAX_WINDOW),
        max_concurrent=reader.integer("max_concurrent", MAX_CONCURRENT, 1, MOST_CONCURRENT),
    )
    return (None, problems.found) if problems.found else (parsed, [])


def provider_spec(row: ProviderRow) -> dict[str, Any]:
    """The shortest flat specification, secrets included: what parse_provider reads as the same."""
    spec: dict[str, Any] = {"name": row.name, "type": row.kind}
    if not row.enabled:
        spec["enabled"] = False
    if row.description:
        spec["description"] = row.description
    if row.timeout_seconds != 10:
        spec["timeout_seconds"] = row.timeout_seconds
    if row.idempotency_window_seconds != 82_800:
        spec["idempotency_window_seconds"] = row.idempotency_window_seconds
    if row.max_concurrent != MAX_CONCURRENT:
        spec["max_concurrent"] = row.max_concurrent
    return {**spec, **(row.config or {}), **(row.secrets or {})}


def parse_breaker(
    spec: object, *, warnings: list[FieldProblem] | None = None
) -> tuple[BreakerSpec | None, list[FieldProblem]]:
    """The breaker's settings, or None with every problem found."""
    problems = Problems(warnings)
    reader = Reader(spec, "", BREAKER_KEYS, problems)
    parsed = BreakerSpec(
        provider=reader.name("provider", required=True, colon_allowed=False),
        enabled=reader.raw("enabled") is None or reader.flag("enabled"),
        failure_threshold=reader.integer("failure_threshold", 3, 1, 1000),
        success_threshold=reader.integer("success_threshold", 1, 1, 1000),
        recovery_timeout_seconds=reader.integer("recovery_timeout_seconds", 30, 1, 86_400),
        fallback_provider=reader.name("fallback_provider", colon_allowed=False),
    )
    if parsed.provider and parsed.fallback_provider == parsed.provider:
        reader.problem("fallback_provider", "must be another provider")
    return (None, problems.found) if problems.found else (parsed, [])


def breaker_spec(row: BreakerSpec | Any) -> dict[str, Any]:
    """The shortest specification of a breaker or its row."""
    defaults = asdict(BreakerSpec(provider=""))
    values = {key: getattr(row, key) for key in BREAKER_KEYS}
    return {key: value for key, value in values.items() if value != defaults[key]}


def check_breakers(fallbacks: Mapping[str, str], provider_names: Collection[str]) -> list[FieldProblem]:
    """Problems of all breakers together, by `fallbacks`; fields are `circuit_breakers.<provider>…`."""
    problems = []
    for provider, fallback in fallbacks.items():
        place = f"circuit_breakers.{provider}"
        problems += _unknown(f"{place}.provider", provider, provider_names)
        problems += _unknown(f"{place}.fallback_provider", fallback, provider_names) if fallback else []
    cycle = find_cycle({name: (fallback,) if fallback else () for name, fallback in fallbacks.items()})
    if cycle:
        text = f"the fallbacks go round in a circle: {' -> '.join(cycle)}"
        problems.append(FieldProblem(f"circuit_breakers.{cycle[0]}.fallback_provider", text))
    return problems


def _unknown(place: str, name: str, names: Collection[str]) -> list[FieldProblem]:
    if name in names:
        return []
    return [FieldProblem(place, f'no provider is called "{name}"{suggestion(name, names)}')]


def _all_keys(spec: object) -> tuple[str, ...]:
    return tuple(spec) if isinstance(spec, Mapping) else ()
