"""What did this person do: the trail of orders and the record of everything else, one list, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from acteon_site.access.acts import act_note
from acteon_site.admin.agents import agent_short
from acteon_site.admin.exports import TYPES, Columns, file_head, file_line, stream_answer
from acteon_site.admin.scoped import visible
from acteon_site.base.clock_text import parse_time
from acteon_site.base.ids import as_uuid
from acteon_site.base.registry import Hook, Registry
from acteon_site.models import PersonAct

PER_PAGE = 50
COLUMNS: Columns = {
    **{name: name for name in ("at", "what")},
    "about": "words",
    "shop": "where",
    **{name: name for name in ("address", "agent")},
    "id": lambda act: str(act.pk),
}
TEMPLATE = "admin/acteon_site/people/acts.html"
Place = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Act:
    at: datetime
    pk: UUID
    what: str
    words: str
    where: str
    url: str
    address: str
    agent: str

    @property
    def client(self) -> str:
        return agent_short(self.agent)


@dataclass(frozen=True, slots=True)
class Window:
    """Which acts are asked for: of these names, in this time, and before this place."""

    username: str
    since: datetime | None = None
    until: datetime | None = None
    after: Place | None = None

    def part(self, rows: QuerySet[Any], at: str) -> QuerySet[Any]:
        """The newest of the rows that are asked for: a page, and one more. `at` is their time."""
        wanted = Q()
        if self.since:
            wanted &= Q(**{f"{at}__gte": self.since})
        if self.until:
            wanted &= Q(**{f"{at}__lt": self.until})
        if self.after:
            at_last, pk = self.after
            wanted &= Q(**{f"{at}__lte": at_last}) & (Q(**{f"{at}__lt": at_last}) | Q(pk__lt=pk))
        return rows.filter(wanted).order_by(f"-{at}", "-id")[: PER_PAGE + 1]


# Whoever keeps what people did lists how it is found: each reads its own rows, of what the asking person may see.
SOURCES: Registry[Hook[Callable[[HttpRequest, Window], list[Act]]]] = Registry("source of what people did")


def acts_page(request: HttpRequest, user: User) -> HttpResponseBase:
    """Filtered by `from` and `until`; `after` is the place of the last line of the page before.

    With `format` the whole of it is a file.
    """
    name, since, until = user.get_username(), _time(request, "from"), _time(request, "until")
    window = Window(name, since, until, _after(request))
    if request.GET.get("format"):
        return _export(request, user, window)
    acts = acts_of(request, window)
    context = {
        **admin.site.each_context(request),
        "title": f"What {user.get_username()} did",
        "person": user,
        "acts": acts[:PER_PAGE],
        "asked": {name: request.GET.get(name, "") for name in ("from", "until")},
        "files": _files(request),
        "next": _next(request, acts[PER_PAGE - 1]) if len(acts) > PER_PAGE else "",
    }
    return TemplateResponse(request, TEMPLATE, context)


def _export(request: HttpRequest, user: User, window: Window) -> HttpResponseBase:
    """All of them, a page at a time. That somebody took it away is something that he did."""
    words = f"What {user.get_username()} did"
    act_note(request, username=request.user.get_username(), what="exported acts", row=user, words=words)
    name = f"acts-{timezone.now():%Y%m%d-%H%M%S}"
    return stream_answer(request, lambda kind: _lines(request, window, kind), name)


def _lines(request: HttpRequest, window: Window, kind: str) -> Iterator[str]:
    yield file_head(COLUMNS, kind)
    while True:
        acts = acts_of(request, window)
        yield "".join(file_line(act, COLUMNS, kind) for act in acts[:PER_PAGE])
        if len(acts) <= PER_PAGE:
            return
        window = replace(window, after=(acts[PER_PAGE - 1].at, acts[PER_PAGE - 1].pk))


def acts_of(request: HttpRequest, window: Window) -> list[Act]:
    """A page and one line more, newest first, of all sources together."""
    own = PersonAct.objects.filter(username=window.username)
    found = [_of_act(row) for row in window.part(visible(request, own), "at")]
    for source in SOURCES.values():
        found += source.call(request, window)
    return sorted(found, key=lambda act: (act.at, act.pk), reverse=True)[: PER_PAGE + 1]


def noted_in_words(request: HttpRequest, window: Window) -> Exists:
    """For a source's row with a `request_id`: whether the person's page tells of that request in words."""
    own = PersonAct.objects.filter(username=window.username, request_id=OuterRef("request_id"))
    return Exists(visible(request, own))


def _of_act(row: PersonAct) -> Act:
    where = f"{row.tenant} / {row.namespace}" if row.tenant else ""
    return Act(row.at, row.pk, row.what, row.words, where, _row_url(row), row.address, row.agent)


def _row_url(row: PersonAct) -> str:
    app, _, model = row.about.partition(".")
    try:
        return reverse(f"admin:{app}_{model}_change", args=[row.row]) if model else ""
    except NoReverseMatch:
        return ""


def _time(request: HttpRequest, name: str) -> datetime | None:
    """What a date-and-time input sends, which is UTC here, or RFC 3339; nothing where it is neither."""
    text = request.GET.get(name, "").strip().replace(" ", "+")
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        return parse_time(text)
    return typed if typed.tzinfo else typed.replace(tzinfo=UTC)


def _after(request: HttpRequest) -> Place | None:
    at, _, pk = request.GET.get("after", "").partition("~")
    found = (parse_time(at.replace(" ", "+")), as_uuid(pk))
    return cast(Place, found) if all(found) else None


def _files(request: HttpRequest) -> dict[str, str]:
    asked = {name: request.GET[name] for name in ("from", "until") if request.GET.get(name)}
    return {kind: "?" + urlencode({**asked, "format": kind}) for kind in TYPES}


def _next(request: HttpRequest, last: Act) -> str:
    asked = {name: request.GET[name] for name in ("from", "until") if request.GET.get(name)}
    return "?" + urlencode({**asked, "after": f"{last.at.isoformat()}~{last.pk}"})
