"""Repair of many at once: a filter, a preview of what would go on and what not and why, a confirmation, the result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from acteon_site.admin.buttons import actor_of, change_url, source_of
from acteon_site.admin.scoped import visible
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from chains_app.listeners import owner_names
from chains_app.models import Run
from chains_app.services.repair import Repaired

MOST_SHOWN = 100
MOST_KINDS = 500
TEMPLATE = "admin/chains_app/repair.html"
Outcome = Repaired[Any]
SCOPE = "scope"
LABELS = {SCOPE: "Shop", "chain_name": "Chain", "reason": "Reason", "step": "Step"}


@dataclass(frozen=True, slots=True)
class Verb:
    """What may be done with the chosen ones. `act` answers what became of each."""

    name: str
    label: str
    question: str
    act: Callable[[Sequence[Any], dict[str, Any]], Sequence[Outcome]]
    done: str
    kind: str = "good"


@dataclass(frozen=True, slots=True)
class Stop:
    """Where and why one of them stopped."""

    reason: str
    message: str
    step: str
    since: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """What is repaired on one such page. `columns` are the filters and where the rows have them."""

    title: str
    intro: str
    nothing: str
    columns: Mapping[str, str]
    find: Callable[[], QuerySet[Any]]
    preview: Callable[[Iterable[Any]], Sequence[Outcome]]
    stops: Callable[[Sequence[Any]], Mapping[UUID, Stop]]
    verbs: tuple[Verb, ...]
    list_page: str


@dataclass(slots=True)
class Line:
    """One row of the preview, or of the result."""

    pk: UUID
    order: str
    url: str
    run: Run
    stop: Stop
    problem: str

    @property
    def able(self) -> bool:
        return not self.problem


@dataclass(slots=True)
class Chosen:
    """A filter with its choices; `value` is what was asked for."""

    name: str
    label: str
    value: str
    options: list[str] = field(default_factory=list)


def repair_page(request: HttpRequest, bulk: Bulk, page: ModelAdmin) -> HttpResponse:
    """GET filters and previews, POST does the verb to what was chosen and tells what became of it."""
    shown = _done(request, bulk) if request.method == "POST" else _preview(request, bulk)
    # After what was done, for the numbers in the sidebar.
    frame = {**page.admin_site.each_context(request), "opts": page.opts, "title": bulk.title}
    shared = {"bulk": bulk, "list_url": reverse(bulk.list_page), "most": MOST_SHOWN}
    return TemplateResponse(request, TEMPLATE, {**frame, **shared, **shown})


def _found(request: HttpRequest, bulk: Bulk) -> QuerySet[Any]:
    """What there is to repair for this person."""
    return visible(request, bulk.find(), Role.OPERATOR)


def _preview(request: HttpRequest, bulk: Bulk) -> dict[str, Any]:
    filters = _filters(request, bulk)
    found = _filtered(request, bulk, filters)
    rows = list(found[:MOST_SHOWN])
    lines = _lines(bulk.preview(rows), bulk.stops(rows))
    able = sum(line.able for line in lines)
    return {"filters": filters, "lines": lines, "able": able, "more": max(0, found.count() - len(rows))}


def _filters(request: HttpRequest, bulk: Bulk) -> list[Chosen]:
    """The choices are what there is to repair, so that no filter leads nowhere."""
    names = list(bulk.columns)
    kinds = list(_found(request, bulk).order_by().values_list(*bulk.columns.values()).distinct()[:MOST_KINDS])
    options = {name: {row[at] for row in kinds if row[at]} for at, name in enumerate(names)}
    scopes = {f"{row[names.index('namespace')]}:{row[names.index('tenant')]}" for row in kinds}
    options[SCOPE] = scopes
    return [
        Chosen(name, label, request.GET.get(name, ""), sorted(options[name]))
        for name, label in LABELS.items()
        if name in options
    ]


def _filtered(request: HttpRequest, bulk: Bulk, filters: Iterable[Chosen]) -> QuerySet[Any]:
    wanted: dict[str, str] = {}
    for chosen in filters:
        if chosen.value and chosen.value not in chosen.options:
            return _found(request, bulk).none()
        if chosen.value and chosen.name == SCOPE:
            namespace, _, tenant = chosen.value.partition(":")
            wanted |= {bulk.columns["namespace"]: namespace, bulk.columns["tenant"]: tenant}
        elif chosen.value:
            wanted[bulk.columns[chosen.name]] = chosen.value
    return _found(request, bulk).filter(**wanted)


def _done(request: HttpRequest, bulk: Bulk) -> dict[str, Any]:
    verb = next((verb for verb in bulk.verbs if verb.name == request.POST.get("verb")), None)
    ids = {pk for text in request.POST.getlist("id")[:MOST_SHOWN] if (pk := as_uuid(text))}
    if verb is None or not ids:
        return {**_preview(request, bulk), "trouble": "Nothing was changed: choose at least one."}
    rows = list(_found(request, bulk).filter(pk__in=ids))
    who = {"actor": actor_of(request), "source": source_of(request)}
    stops = bulk.stops(rows)  # before they go on
    lines = _lines(verb.act(rows, who), stops)
    able = sum(line.able for line in lines)
    return {"verb": verb, "lines": lines, "able": able, "gone": len(ids) - len(rows)}


def _lines(outcomes: Sequence[Outcome], stops: Mapping[UUID, Stop]) -> list[Line]:
    """What goes on first."""
    names = owner_names(outcome.run for outcome in outcomes)
    lines = [
        Line(
            pk=outcome.row.pk,
            order=names[outcome.run.pk],
            url=change_url(Run, outcome.run.pk),
            run=outcome.run,
            stop=stops[outcome.row.pk],
            problem=outcome.error.message if outcome.error else "",
        )
        for outcome in outcomes
    ]
    return sorted(lines, key=lambda line: not line.able)
