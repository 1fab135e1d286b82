"""One search over all pages of the admin: by names and ids, each kind of row by an index, a few hits of each.

What a person finds is what the pages show: each kind goes through its page's own permission and queryset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.admin import site
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from acteon_site.admin.buttons import change_url
from acteon_site.admin.scoped import reader_of
from acteon_site.base.ids import as_uuid
from acteon_site.base.names import MAX_LENGTH
from acteon_site.base.principals import Principal
from acteon_site.base.registry import Registry
from acteon_site.base.replica import read_whole

MOST = 10  # of each kind
SHORTEST = 2  # of what names may begin with, or hold


@dataclass(frozen=True, slots=True)
class Term:
    """What is searched for: as typed, and as an id where it spells one; and by whom."""

    text: str
    id: UUID | None
    reader: Principal

    @property
    def is_name(self) -> bool:
        """Whether names are looked through for it: an id is none, and one letter says too little."""
        return self.id is None and len(self.text) >= SHORTEST


@dataclass(frozen=True, slots=True)
class Search:
    """A kind of rows, `model` as `app.model`. `find` narrows what the page shows to what is meant, best first, by
    bounded statements; `words` says of a row what tells it from others."""

    title: str
    icon: str
    model: str
    find: Callable[[QuerySet[Any], Term], Iterable[Any]]
    words: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Hit:
    title: str
    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """Hits of a kind; `more` where some are left out."""

    search: Search
    hits: list[Hit]
    more: bool


SEARCHES: Registry[Search] = Registry("kind of what is searched for", key="title")


def term_of(text: str, reader: Principal) -> Term:
    text = " ".join(text.split())[:MAX_LENGTH].replace("\0", "")
    return Term(text, as_uuid(text), reader)


def found(request: HttpRequest, term: Term) -> list[Group]:
    """What this person may see of it, in the order of the registry."""
    groups = (_group(request, search, term) for search in SEARCHES.values())
    return [group for group in groups if group.hits]


def _group(request: HttpRequest, search: Search, term: Term) -> Group:
    page = site.get_model_admin(apps.get_model(search.model))
    if not term.text or not page.has_view_permission(request):
        return Group(search, [], False)
    rows = _first(search.find(page.get_queryset(request), term))
    hits = [Hit(str(row), search.words(row), change_url(page.model, row.pk)) for row in rows[:MOST]]
    return Group(search, hits, len(rows) > MOST)


def _first(rows: Iterable[Any]) -> list[Any]:
    """Each once, and one more than are shown."""
    once: dict[Any, Any] = {}
    for row in rows:
        once.setdefault(row.pk, row)
        if len(once) > MOST:
            break
    return list(once.values())


def named(field: str = "name") -> Callable[[QuerySet[Any], Term], Iterable[Any]]:
    """Of a small table: the exact name first, then those that hold the text."""

    def find(rows: QuerySet[Any], term: Term) -> Iterable[Any]:
        if not term.is_name:
            return []
        held = rows.filter(**{f"{field}__icontains": term.text}).order_by(field)[: MOST + 1]
        return sorted(held, key=lambda row: getattr(row, field).lower() != term.text.lower())

    return find


def find_page(request: HttpRequest) -> HttpResponse:
    """The page of what was found; where that is one row alone, its page."""
    term = term_of(request.GET.get("q", ""), reader_of(request))
    groups = read_whole(lambda: found(request, term))
    if len(groups) == 1 and len(groups[0].hits) == 1:
        return HttpResponseRedirect(groups[0].hits[0].url)
    context = {
        **site.each_context(request),
        "title": f"Search: {term.text}" if term.text else "Search",
        "term": term,
        "groups": groups,
        "most": MOST,
    }
    return TemplateResponse(request, "admin/acteon_site/find.html", context)
