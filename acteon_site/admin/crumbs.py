"""Where one is in the admin: home, the list as the sidebar calls it, the row, and what is done to it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from acteon_site.admin.buttons import change_url
from acteon_site.admin.sidebar import PAGES


@dataclass(frozen=True, slots=True)
class Crumb:
    """A step of the way. The last one, without a link, is the page itself."""

    title: str
    url: str = ""


def crumbs_of(context: Mapping[str, Any]) -> list[Crumb]:
    """From the context that Django's admin and our own pages have in common: `opts`, `original`, `object`, `title`."""
    way = [Crumb("Home", reverse("admin:index")), *_rows(context)]
    title = str(context.get("title") or "")
    if context.get("cl") or _is_shown(context) or (len(way) == 1 and not title):
        return way
    return [*way, Crumb(title)] if title and title != way[-1].title else way


def _rows(context: Mapping[str, Any]) -> Iterator[Crumb]:
    row = context.get("original") or context.get("object")
    row = row if hasattr(row, "_meta") else None
    opts = row._meta if row is not None else context.get("opts")
    if opts is None:
        return
    name = f"{opts.app_label}.{opts.model_name}"
    listed = next((page.title for page in PAGES.values() if page.model == name), "")
    title = listed or str(opts.verbose_name_plural).capitalize()
    yield Crumb(title, reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"))
    if row is not None:
        yield Crumb(str(row), change_url(row, row.pk))


def _is_shown(context: Mapping[str, Any]) -> bool:
    """Whether the page is the row's own, and nothing that is done to it."""
    return bool(context.get("original")) and "adminform" in context
