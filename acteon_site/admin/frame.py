"""The frame of the admin, as settings.UNFOLD names it: styles, environment, and the home page's context."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static

from acteon_site.admin.home import home


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    return {**context, "title": "Today", "home": home(request)}


def environment(request: HttpRequest) -> list[str]:
    return ["Embedded mode", "info"] if settings.EMBEDDED else ["Production", "success"]


def stylesheet(request: HttpRequest) -> str:
    return static("acteon_site/admin.css")


def script(request: HttpRequest) -> str:
    return static("acteon_site/admin.js")


def reachable(request: HttpRequest) -> str:
    return static("acteon_site/reachable.js")


def favicon(request: HttpRequest) -> str:
    return static("acteon_site/favicon.svg")
