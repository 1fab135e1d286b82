"""What no request may hold, whatever it asks for."""

from __future__ import annotations

from django.http import HttpRequest

from acteon_site.base.errors import FieldProblem, bad_query, not_found


def refuse_doubt(request: HttpRequest) -> None:
    """Names that nothing can have, and parameters that could mean one thing or another. Raises 404 or 400."""
    _refuse_nul(request)
    twice = [name for name, values in request.GET.lists() if len(values) > 1]
    if twice:
        problems = [FieldProblem(name, "may stand in the query only once") for name in twice]
        raise bad_query(f"{', '.join(twice)}: may stand in the query only once", problems)


def _refuse_nul(request: HttpRequest) -> None:
    """U+0000 can be stored nowhere, so no name holds it; PostgreSQL would fail on it."""
    if "\x00" in request.path:
        raise not_found("there is nothing here")
    if any("\x00" in text for name, values in request.GET.lists() for text in (name, *values)):
        raise bad_query("the query must not hold U+0000")
