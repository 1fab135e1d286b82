"""The pages that the admin's sidebar leads to, as the apps list them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.admin import site
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from acteon_site.admin.home import bounded_count
from acteon_site.admin.scoped import visible
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
    """A link to a model's list, for who may see it. `model` is `app.model`, `place` sorts within the group."""

    group: str
    place: int
    title: str
    icon: str
    model: str
    badge: Badge | None = None

    @property
    def name(self) -> str:
        """The beginning of the names of the model's admin pages."""
        return self.model.replace(".", "_")


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
    allowed = site.get_model_admin(apps.get_model(page.model)).has_view_permission(request)
    shown = {
        "title": page.title,
        "icon": page.icon,
        "link": reverse(f"admin:{page.name}_changelist"),
        "permission": lambda _request: allowed,
    }
    count = (
        bounded_count(visible(request, page.badge.rows()), MOST_COUNTED) if page.badge and allowed else "0"
    )
    if page.badge and count != "0":
        shown |= {"badge": count, "badge_variant": page.badge.variant}
    return shown
