"""What the admin's search finds of chains: runs and what stopped them by ids, chains and providers by their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q, QuerySet

from acteon_site.admin.search import MOST, Search, Term, named
from acteon_site.base.clock_text import moment

ENCRYPTED = ("origin", "inherited", "spec", "reply")


def runs(rows: QuerySet[Any], term: Term) -> Iterator[Any]:
    """Also dead letters, which are runs."""
    light = rows.defer(*ENCRYPTED)
    if term.id is not None:
        yield from light.filter(pk=term.id)
    yield from light.filter(action_id=term.text).order_by("-id")[: MOST + 1]


def incidents(rows: QuerySet[Any], term: Term) -> Iterator[Any]:
    if term.id is not None:
        of_it = rows.filter(Q(pk=term.id) | Q(run_id=term.id))
        yield from of_it.order_by("-opened_at")[: MOST + 1]


def providers(rows: QuerySet[Any], term: Term) -> Iterable[Any]:
    return named()(rows.defer("secrets"), term)


def _run_words(run: Any) -> str:
    return f"{run.status.replace('_', ' ')}, {run.tenant}, begun {moment(run.started_at)}"


def _incident_words(incident: Any) -> str:
    state = "resolved" if incident.resolved_at else "open"
    return f"{incident.run.chain_name}, {state}, since {moment(incident.opened_at)}"


SEARCHES = (
    Search("Dead letters", "report", "chains_app.deadletter", runs, _run_words),
    Search("Incidents", "warning", "chains_app.incident", incidents, _incident_words),
    Search("Runs", "conversion_path", "chains_app.run", runs, _run_words),
    Search("Chains", "account_tree", "chains_app.chaindefinition", named(), lambda found: found.description),
    Search("Providers", "dns", "chains_app.provider", providers, lambda provider: provider.kind),
)
