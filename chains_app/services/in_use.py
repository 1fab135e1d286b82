"""What uses a chain or a provider, and so stands in the way of its deletion.

Besides what is in force: a run that has not ended, parked ones included, goes on by the version that it pinned.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import QuerySet

from chains_app import references
from chains_app.definitions import Definition
from chains_app.models import CircuitBreaker, Run
from chains_app.selectors import chain_definition, chain_rows, version_definition
from chains_app.states import RunKind


def chain_users(name: str) -> list[str]:
    """Other chains that call it as a sub-chain, in force or pinned by a run under way, and rules that start it."""
    rows = chain_rows().exclude(name=name).order_by("name")
    chains = [f"chain {row.name}" for row in rows if name in chain_definition(row).sub_chains]
    return chains + runs_calling_chain(name) + references.chain_users(name)


def provider_users(name: str) -> list[str]:
    """Chains, breakers that fall back to it, runs under way, rules and quotas."""
    rows = chain_rows().order_by("name")
    chains = [f"chain {row.name}" for row in rows if name in chain_definition(row).providers]
    breakers = CircuitBreaker.objects.filter(fallback_provider=name).order_by("provider")
    fallbacks = [f"the breaker of {breaker.provider}" for breaker in breakers]
    return chains + fallbacks + runs_calling_provider(name) + references.provider_users(name)


def runs_calling_chain(name: str) -> list[str]:
    return _runs_of_chains(lambda definition: name in definition.sub_chains)


def runs_calling_provider(name: str) -> list[str]:
    """Runs under way of chains, and of single calls: of an action, a reroute, a notice."""
    single = _under_way().filter(version=None, spec__steps__0__provider=name)
    calls = ["actions under way"] if single.exists() else []
    return calls + _runs_of_chains(lambda definition: name in definition.providers)


def _runs_of_chains(names_it: Callable[[Definition], bool]) -> list[str]:
    pinned = _under_way().filter(kind=RunKind.CHAIN).values_list("version", "chain_name").distinct()
    chains = {chain for version, chain in pinned if names_it(version_definition(version))}
    return [f"runs of chain {chain} under way" for chain in sorted(chains)]


def _under_way() -> QuerySet[Run]:
    return Run.objects.filter(ended_at__isnull=True).order_by()
