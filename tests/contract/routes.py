"""Every API endpoint that the URLconf has, as (method, route)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("get", "post", "put", "patch", "delete")
# Pages for people, and the API's own description, which tells of no tenant.
NO_ENDPOINTS = ("", "api-doc/openapi.json", "openapi.json", "swagger-ui/")
# These alone of what stands under /admin/ belong to the API.
BREAKERS = "admin/circuit-breakers"


def endpoints() -> set[tuple[str, str]]:
    return set(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if getattr(pattern, "app_name", None) != "admin":
                yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and not _is_page(route):
            yield from ((method, route) for method in _methods(pattern.callback))


def _is_page(route: str) -> bool:
    of_admin = route.startswith("admin/") and not route.startswith(BREAKERS)
    return route in NO_ENDPOINTS or route.startswith("^") or of_admin


def _methods(view: Any) -> list[str]:
    owner = getattr(view, "view_class", None) or getattr(view, "cls", None)
    return [name.upper() for name in METHODS if hasattr(owner, name)] if owner else ["GET"]
