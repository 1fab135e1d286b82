"""Providers and chain definitions as this process decides by, refreshed within half a second of a change.

And the definition that a run goes by, which never changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from acteon_site.base import config_versions, errors
from acteon_site.base.digest import canonical_json
from chains_app.definitions import Definition, stored_definition
from chains_app.definitions.dag import DEEPEST
from chains_app.models import ChainDefinition, ChainVersion, CircuitBreaker, Provider, Run
from chains_app.providers.base import ProviderSettings


@dataclass(frozen=True, slots=True)
class CurrentChain:
    """A chain's version in force. A disabled chain starts by no trigger."""

    definition: Definition
    version_id: UUID
    number: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class DefinitionIndex:
    """All chains by name, and by what triggers them."""

    by_name: Mapping[str, CurrentChain]
    by_trigger: Mapping[tuple[str, str, str], CurrentChain]

    def get(self, name: str) -> CurrentChain | None:
        return self.by_name.get(name)

    def chain_for(self, namespace: str, tenant: str, action_type: str) -> CurrentChain | None:
        """The enabled chain that claims the action; an exact namespace goes before an exact tenant."""
        for scope in ((namespace, tenant), (namespace, "*"), ("*", tenant), ("*", "*")):
            chain = self.by_trigger.get((*scope, action_type))
            if chain:
                return chain
        return None


def providers() -> Mapping[str, ProviderSettings]:
    """All providers by name, disabled ones included (a call to one is refused)."""
    return _providers.get()


def breaker_fallbacks() -> Mapping[str, str]:
    """The fallback ("" for none) of every provider that a breaker guards."""
    return _fallbacks.get()


def definitions() -> DefinitionIndex:
    return _definitions.get()


def chain_rows() -> QuerySet[ChainDefinition]:
    """All chains with the version in force of each, as the database has them now."""
    return ChainDefinition.objects.filter(current__isnull=False).select_related("current")


def chain_row(name: str) -> ChainDefinition:
    """As `chain_rows` has it. Raises 404."""
    row = chain_rows().filter(name=name).first()
    if row is None:
        raise chain_unknown(name)
    return row


def chain_unknown(name: str) -> errors.AppError:
    return errors.not_found(f"there is no chain named {name}")


def current_chain(name: str) -> CurrentChain:
    """The chain as the database has it now, past the cache. Raises 404."""
    return current_of(chain_row(name))


def current_chains() -> list[CurrentChain]:
    return [current_of(row) for row in chain_rows().order_by("name")]


def chains_below(definition: Definition, *, may_see: Callable[[CurrentChain], bool]) -> dict[str, Definition]:
    """The chains that it calls, and those that these call, as far as they may be seen: one query for each level."""
    found: dict[str, Definition] = {}
    asked, wanted = {definition.name}, set(definition.sub_chains)
    for _ in range(DEEPEST):
        missing = wanted - asked
        if not missing:
            break
        asked |= missing
        seen = [chain for row in chain_rows().filter(name__in=missing) if may_see(chain := current_of(row))]
        found |= {chain.definition.name: chain.definition for chain in seen}
        wanted = {name for chain in seen for name in chain.definition.sub_chains}
    return found


@lru_cache(maxsize=512)
def version_definition(version_id: UUID) -> Definition:
    """What a run pinned. Versions never change, so this is read once per process."""
    version = ChainVersion.objects.get(pk=version_id)
    return _parsed(version.spec, str(version))


def run_definition(run: Run) -> Definition:
    """What the run goes by: the version that it pinned, one branch of a parallel step in it, or its one own step.

    Raises 503 where this release cannot read it.
    """
    if run.version_id is None:
        return _single_definition(canonical_json(run.spec))
    definition = version_definition(run.version_id)
    return _branch_definition(definition, run.parent_step, run.branch) if run.branch else definition


def _branch_definition(definition: Definition, step: str, branch: str) -> Definition:
    """A chain of the one step that a branch is."""
    group = definition.step(step).parallel
    inner = next((inner for inner in group.steps if inner.name == branch), None) if group else None
    if inner is None:
        raise errors.unavailable(f"chain {definition.name} has no branch {step}/{branch}")
    return Definition(
        f"{definition.name}/{step}/{branch}",
        (inner,),
        on_failure="abort_no_dlq",
        timeout_seconds=group.timeout_seconds if group else None,
    )


@lru_cache(maxsize=256)
def _single_definition(spec_text: str) -> Definition:
    spec = json.loads(spec_text)
    return _parsed(spec, spec["name"])


def settings_of(row: Provider) -> ProviderSettings:
    return ProviderSettings(
        name=row.name,
        kind=row.kind,
        config=row.config,
        secrets=row.secrets or {},
        timeout_seconds=row.timeout_seconds,
        idempotency_window_seconds=row.idempotency_window_seconds,
        enabled=row.enabled,
        max_concurrent=row.max_concurrent,
    )


def chain_definition(row: ChainDefinition) -> Definition:
    return current_of(row).definition


def _load_providers() -> Mapping[str, ProviderSettings]:
    return MappingProxyType({row.name: settings_of(row) for row in Provider.objects.all()})


def _load_fallbacks() -> Mapping[str, str]:
    pairs = CircuitBreaker.objects.filter(enabled=True).values_list("provider", "fallback_provider")
    return MappingProxyType(dict(pairs))


def _load_definitions() -> DefinitionIndex:
    by_name = {row.name: current_of(row) for row in chain_rows()}
    triggered = {
        (trigger.namespace, trigger.tenant, trigger.action_type): chain
        for chain in by_name.values()
        if chain.enabled and (trigger := chain.definition.trigger)
    }
    return DefinitionIndex(MappingProxyType(by_name), MappingProxyType(triggered))


def current_of(row: ChainDefinition) -> CurrentChain:
    """The version in force of a row that was read together with it."""
    version = row.current
    assert version is not None  # noqa: S101 - the query asks for rows that have one
    return CurrentChain(_parsed(version.spec, row.name), version.pk, version.number, row.enabled)


def _parsed(spec: Mapping[str, Any], name: str) -> Definition:
    """A stored version was valid when saved; where this release reads it otherwise, nothing is guessed."""
    definition, problems = stored_definition(spec)
    if definition is None:
        raise errors.unavailable(f"chain {name} cannot be read: {problems[0].field} {problems[0].message}")
    return definition


_providers = config_versions.ConfigCache(config_versions.PROVIDERS, _load_providers)
_fallbacks = config_versions.ConfigCache(config_versions.PROVIDERS, _load_fallbacks)
_definitions = config_versions.ConfigCache(config_versions.CHAINS, _load_definitions)
