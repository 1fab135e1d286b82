"""Django's handler, with headers that mean one thing, and bodies that are read as they were sent and only as far as
their sender may have them read.

Django would read every body to its end before it asks who sends it, and DRF takes one that came in chunks for none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from io import BytesIO
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import RequestAborted, SuspiciousOperation
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.db import Error as DatabaseError
from django.db import connections
from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import resolve
from rest_framework.exceptions import AuthenticationFailed

from acteon_site.access.authentication import authenticate_request
from acteon_site.base.errors import AppError
from acteon_site.base.ids import new_id
from acteon_site.http.direct import DOORS, plain_request, send_answer
from acteon_site.http.headers import each_once

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# What anybody may send, and the server keeps of each connection anyway. What comes at once is judged by the view.
SMALL = 64 * 1024
AT_ONCE_SECONDS = 0.05
# Slow senders whose key is looked up at a time, each in a thread: a thousand at once would leave others no time.
LOOKUPS = 8
_lookups_of: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
_FRAMING = (b"content-length", b"transfer-encoding")


class GatewayHandler(ASGIHandler):
    def load_middleware(self, is_async: bool = True) -> None:
        """All middleware and the view in one thread. WhiteNoise knows no other way, and Django would go back to the
        loop and into the thread again for each middleware behind it."""
        super().load_middleware(is_async=False)
        self._middleware_chain = sync_to_async(self._middleware_chain)  # type: ignore[has-type]

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            scope = {**scope, "headers": each_once(scope["headers"])}
            body = await _whole_body(scope, receive)
        except RequestAborted:
            return
        except AppError as error:
            await self.send_response(_refusal(error), send)
            return
        door = DOORS.get(scope["path"]) if body else None
        plain = plain_request(scope, bytes(body)) if door and body else None
        if door and plain:
            await send_answer(plain, await door.answer(plain), send)
        elif body is None:
            await super().handle(scope, receive, send)
        else:
            await super().handle(_with_length(scope, len(body)), _replayed(bytes(body), receive), send)

    async def send_response(self, response: HttpResponseBase, send: Send) -> None:
        await super().send_response(response, _in_turns(send))


def _in_turns(send: Send) -> Send:
    """Between the pieces of a large answer the loop sees to other connections."""

    async def send_in_turn(message: Message) -> None:
        await send(message)
        if message.get("more_body"):
            await asyncio.sleep(0)

    return send_in_turn


def _refusal(error: AppError) -> JsonResponse:
    """What the middleware would add to an answer stands in it already: none has run yet."""
    answer = JsonResponse(error.body(), status=error.status, headers={"X-Request-ID": str(new_id())})
    answer.headers["Content-Length"] = str(len(answer.content))
    return answer


async def _whole_body(scope: Scope, receive: Receive) -> bytearray | None:
    """The request's body, None where it announces none."""
    announced = any(name in _FRAMING for name, _ in scope["headers"])
    return await _body(scope, receive) if announced else None


async def _body(scope: Scope, receive: Receive) -> bytearray:
    """The body, or none where the view will turn its sender away without it."""
    body = bytearray()
    try:
        async with asyncio.timeout(AT_ONCE_SECONDS):
            if await _read(receive, body, SMALL):
                return body
    except TimeoutError:
        pass
    async with _lookups():
        most = await sync_to_async(_allowed)(scope)
    if most and not await _read(receive, body, most):
        raise AppError(f"without signing in a body has at most {SMALL} bytes", "TOO_LARGE", 413)
    return body if most else bytearray()


def _lookups() -> asyncio.Semaphore:
    return _lookups_of.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(LOOKUPS))


async def _read(receive: Receive, body: bytearray, most: int) -> bool:
    """Read on; False where there is more than `most`."""
    while len(body) <= most:
        message = await receive()
        if message["type"] != "http.request":
            raise RequestAborted
        body += message.get("body", b"")
        if not message.get("more_body"):
            return True
    return False


def _allowed(scope: Scope) -> int:
    """How many bytes the sender of this head may send on."""
    try:
        request = ASGIRequest(scope, BytesIO())
        if _is_known(request):
            return settings.MAX_BODY_BYTES
        return SMALL if _is_open(request) else 0
    except (DatabaseError, UnicodeDecodeError, SuspiciousOperation):
        return 0  # the same happens to Django, which answers it
    finally:
        connections.close_all()  # the body may take its time, and this thread would keep one


def _is_known(request: HttpRequest) -> bool:
    try:
        authenticate_request(request)
    except AuthenticationFailed:
        request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        return get_user(request).is_authenticated
    return True


def _is_open(request: HttpRequest) -> bool:
    """Whether the path takes bodies from strangers: sign-in, approval links, forms."""
    try:
        view: Any = resolve(request.path_info).func
    except Http404:
        return False
    return not getattr(getattr(view, "cls", None), "authentication_classes", ())


def _with_length(scope: Scope, length: int) -> Scope:
    headers = [header for header in scope["headers"] if header[0] not in _FRAMING]
    return {**scope, "headers": [*headers, (b"content-length", b"%d" % length)]}


def _replayed(body: bytes, receive: Receive) -> Receive:
    waiting = [body]

    async def receive_on() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        while (message := await receive())["type"] == "http.request":
            pass  # of a body that nobody wants to have
        return message

    return receive_on
