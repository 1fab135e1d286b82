"""Request ids: taken from the request or made, on every answer, log line and audit row. And what browsers may do."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

from acteon_site.base.cards import holds_card
from acteon_site.base.ids import new_id
from acteon_site.http.browsers import restrain

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
Answer = HttpResponseBase | Awaitable[HttpResponseBase]


def acceptable_id(given: str) -> bool:
    """Whether it can stand in log lines and audit rows as it is."""
    return _ACCEPTABLE.fullmatch(given) is not None and not holds_card(given)


class RequestIdMiddleware:
    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if acceptable_id(given) else str(new_id())
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        if isinstance(response, Awaitable):
            return self._stamped_later(request, response, request_id)
        return self._stamped(request, response, request_id)

    async def _stamped_later(
        self, request: HttpRequest, response: Awaitable[HttpResponseBase], request_id: str
    ) -> HttpResponseBase:
        return self._stamped(request, await response, request_id)

    @staticmethod
    def _stamped(request: HttpRequest, response: HttpResponseBase, request_id: str) -> HttpResponseBase:
        response.headers["X-Request-ID"] = request_id
        restrain(request, response)
        structlog.contextvars.unbind_contextvars("request_id")
        return response
