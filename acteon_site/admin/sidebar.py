"""The pages that the admin's sidebar leads to, as the apps list them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from acteon_site.base.registry import Registry

# Groups from top to bottom, and whether one can be folded away.
GROUPS = {
    "Today": False,
    "Orders & runs": False,
    "Rules": False,
    "Configuration": True,
    "Trail": True,
    "Access": True,
}
MOST_COUNTED = 99


@dataclass(frozen=True, slots=True)
class Badge:
    """How many rows wait for somebody, shown behind the page's title where there are any."""

    variant: str
    rows: Callable[[], QuerySet[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """A link to a model's list. `name` is that of the model's admin pages, `place` sorts within the group."""

    group: str
    place: int
    title: str
    icon: str
    name: str
    permission: str
    badge: Badge | None = None


PAGES: Registry[Page] = Registry("page of the sidebar")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar, as unfold takes it."""
    return [_group(request, title, index) for index, title in enumerate(GROUPS)]


def _group(request: HttpRequest, title: str, index: int) -> dict[str, Any]:
    pages = sorted((page for page in PAGES.values() if page.group == title), key=lambda page: page.place)
    home = [{"title": "Home", "icon": "home", "link": reverse("admin:index")}] if index == 0 else []
    items = [*home, *(_item(request, page) for page in pages)]
    return {"title": title, "items": items, "separator": index > 0, "collapsible": GROUPS[title]}


def _item(request: HttpRequest, page: Page) -> dict[str, Any]:
    allowed = request.user.has_perm(page.permission)
    shown = {
        "title": page.title,
        "icon": page.icon,
        "link": reverse(f"admin:{page.name}_changelist"),
        "permission": lambda _request: allowed,
    }
    count = _few(page.badge.rows()) if page.badge and allowed else ""
    if page.badge and count:
        shown |= {"badge": count, "badge_variant": page.badge.variant}
    return shown


def _few(rows: QuerySet[Any]) -> str:
    """How many, counted no further than MOST_COUNTED; empty for none."""
    count = rows.order_by()[: MOST_COUNTED + 1].count()
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")
