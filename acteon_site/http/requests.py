"""What no request may hold, whatever it asks for."""

from __future__ import annotations

from django.http import HttpRequest

from acteon_site.base.errors import bad_query, not_found


def refuse_nul(request: HttpRequest) -> None:
    """U+0000 can be stored nowhere, so no name holds it; PostgreSQL would fail on it. Raises 404 or 400."""
    if "\x00" in request.path:
        raise not_found("there is nothing here")
    if any("\x00" in text for name, values in request.GET.lists() for text in (name, *values)):
        raise bad_query("the query must not hold U+0000")
