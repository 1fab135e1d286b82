"""What every API view shares: its base class, and the reading of scope, page and body."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from acteon_site.access.acts import act_note
from acteon_site.base.breathing import served
from acteon_site.base.clock_text import parse_time
from acteon_site.base.connections import unhurried
from acteon_site.base.errors import FieldProblem, bad_query, forbidden, invalid, not_found, problems_in_words
from acteon_site.base.ids import as_uuid
from acteon_site.base.names import name_problem
from acteon_site.base.principals import Principal, Role
from acteon_site.base.source import Source
from acteon_site.http.heavy import LARGE_BODY, LARGE_PAGE, heavy_turn
from acteon_site.http.requests import refuse_doubt

SCOPE = ("namespace", "tenant")
MAX_OFFSET = 10_000
MAX_LIMIT = 1000
_DIGITS = re.compile(r"[0-9]{1,9}")

M = TypeVar("M", bound=Model)
View = Callable[..., HttpResponseBase]


class Endpoint(APIView):
    """Base of all API views: set `read_role` and `write_role` where the defaults do not fit."""

    read_role = Role.VIEWER
    write_role = Role.ADMIN
    # Bytes of a body from which on it takes a turn among large requests; 0 where it always does.
    heavy_from = LARGE_BODY

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with served(), ExitStack() as self._held:
            response = super().dispatch(request, *args, **kwargs)
            return response.render() if isinstance(response, Response) else response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_doubt(request._request)
        if isinstance(request.user, Principal) and self._is_heavy(request):
            self._held.enter_context(heavy_turn(request.user))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What a person's token changes of configuration is noted; what it does to orders stands in the trail."""
        changed = request.method not in SAFE_METHODS and response.status_code < 400
        caller = request.user if changed and self.write_role == Role.ADMIN else None
        if isinstance(caller, Principal) and caller.auth_method == "token":
            name, words = caller.caller_id.removeprefix("user:"), f"{request.method} {request.path}"
            act_note(request._request, username=name, what="changed by API", words=words)
        return super().finalize_response(request, response, *args, **kwargs)

    def _is_heavy(self, request: Request) -> bool:
        limit = request.query_params.get("limit", "")
        is_large_page = bool(_DIGITS.fullmatch(limit)) and int(limit) > LARGE_PAGE
        return is_large_page or int(request.META.get("CONTENT_LENGTH") or 0) >= self.heavy_from


def reading(entity: type[Endpoint], name: str, verb: str, acting: type[Endpoint]) -> View:
    """The view of a path that ends with a verb, behind an entity's `name` or alone.

    A name may end like that itself (slashes come decoded): then GET and HEAD mean the entity of the whole name.
    """
    act, read = acting.as_view(), entity.as_view()

    @wraps(act)
    def chosen(request: HttpRequest, **parts: str) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return act(request, **parts)
        return read(request, **{name: f"{parts[name]}/{verb}" if name in parts else verb})

    return chosen


@dataclass(frozen=True, slots=True)
class Page:
    limit: int
    offset: int


def caller_of(request: Request) -> Principal:
    caller = request.user
    assert isinstance(caller, Principal)  # noqa: S101 - RoleRequired has let nobody else in
    return caller


def scope_of(request: Request, source: Mapping[str, Any] | None = None) -> tuple[str, str]:
    """The namespace and tenant that the query (or `source`, a body) names, both required and in the caller's scope.

    Outside the scope a caller sees what is not there: callers turn "nothing found" into 404 or an empty list.
    Raises 400 (query) or 422 (body) where one is missing or misspelt, 403 where the caller's key does not cover it.
    """
    given = request.query_params if source is None else source
    problems = [FieldProblem(name, problem) for name in SCOPE if (problem := _scope_problem(given.get(name)))]
    if problems:
        raise (bad_query if source is None else invalid)(problems_in_words(problems), problems)
    namespace, tenant = given["namespace"], given["tenant"]
    if not caller_of(request).covers(namespace, tenant):
        raise forbidden("this key does not cover that namespace and tenant")
    return namespace, tenant


def _scope_problem(value: Any) -> str | None:
    return "is required" if value is None else name_problem(value, colon_allowed=False)


def require_global(request: Request) -> None:
    """Raise 403 unless the caller's scope is `*`: what belongs to no tenant is changed by such callers only."""
    if not caller_of(request).is_global:
        raise forbidden("this belongs to no tenant; it needs a key whose namespaces and tenants are *")


def require_seen(request: Request, namespace: str, tenant: str) -> None:
    """Raise 404, as for what does not exist, where the caller's scope does not cover the row."""
    if not caller_of(request).covers(namespace, tenant):
        raise not_found("there is nothing here")


def require_action(request: Request, action: Mapping[str, Any]) -> None:
    """Raise 403 where the caller's key does not cover such an action."""
    named = (action[name] for name in ("namespace", "tenant", "provider", "action_type"))
    if not caller_of(request).covers_action(*named):
        raise forbidden("this key does not cover that namespace, tenant, provider or action type")


def page_of(request: Request, default: int = 100) -> Page:
    limit = integer_of(request, "limit", default, lowest=1, highest=MAX_LIMIT)
    return Page(limit, integer_of(request, "offset", 0, lowest=0, highest=MAX_OFFSET))


def asked_scope(request: Request) -> dict[str, str]:
    """The namespace and tenant that the query names, either or none of them; the caller's scope bounds the rest.

    Raises 400 where one is misspelt, 403 where both are named and the caller's key does not cover them.
    """
    asked = {name: request.query_params[name] for name in SCOPE if name in request.query_params}
    if len(asked) == len(SCOPE):
        scope_of(request)
    for name, value in asked.items():
        if problem := name_problem(value, colon_allowed=False):
            raise bad_query(f"{name} {problem}", [FieldProblem(name, problem)])
    return asked


def seen_rows(request: Request, rows: QuerySet[M]) -> QuerySet[M]:
    """Those in the caller's scope, and in the namespace and tenant that the query names, where it does."""
    asked = {name: request.query_params[name] for name in SCOPE if name in request.query_params}
    return rows.filter(**caller_of(request).lookups()).filter(**asked)


def seen_row(request: Request, rows: QuerySet[M], pk: str, noun: str) -> M:
    """The row of that id among the rows that `seen_rows` leaves; else 404."""
    key = as_uuid(pk)
    row = seen_rows(request, rows).filter(pk=key).first() if key else None
    if row is None:
        raise not_found(f"there is no such {noun}")
    return row


def page_response(request: Request, name: str, rows: QuerySet[M], shape: Callable[[M], Any]) -> Response:
    """The rows on the page that the query asks for, below `name`, and how many they are."""
    page = page_of(request)
    shown = shaped(rows[page.offset : page.offset + page.limit], shape)
    return Response({name: shown, "count": len(shown)})


def shaped(rows: QuerySet[M], shape: Callable[[M], Any]) -> list[Any]:
    """Each row's shape."""
    return [shape(row) for row in unhurried(rows)]


def integer_of(request: Request, name: str, default: int, *, lowest: int, highest: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not _DIGITS.fullmatch(text) or not lowest <= int(text) <= highest:
        message = f"must be a whole number from {lowest} to {highest}"
        raise bad_query(f"{name} {message}", [FieldProblem(name, message)])
    return int(text)


def flag_of(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        raise bad_query(f"{name} must be true or false", [FieldProblem(name, "must be true or false")])
    return text in ("true", "1")


def query_time(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    # An unescaped + in a query reads as a space.
    moment = parse_time(text.replace(" ", "+"))
    if moment is None:
        message = "must be an RFC 3339 time with offset, like 2026-01-31T12:00:00Z"
        raise bad_query(f"{name} {message}", [FieldProblem(name, message)])
    return moment


def body_of(request: Request) -> dict[str, Any]:
    """The body as an object; 422 where it is another kind of JSON."""
    body = request.data
    if not isinstance(body, dict):
        raise invalid("the body must be a JSON object")
    return body


def source_of(request: Request) -> Source:
    """Who asks, as it is noted in the trail."""
    caller = caller_of(request)
    who = (caller.caller_id, caller.auth_method, request_id_of(request))
    return Source(*who, caller.address, caller.agent)


def request_id_of(request: Request) -> str:
    return str(getattr(request._request, "request_id", ""))
