"""GET /v1/stream and GET /v1/subscribe/{chain|group|action}/{id}: plain asynchronous views that write frames."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine
from functools import wraps
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from acteon_site.access.authentication import admit_request
from acteon_site.access.session_standing import session_principal
from acteon_site.access.standing import standing
from acteon_site.base.errors import AppError, FieldProblem, bad_query, not_found, unavailable
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Principal
from acteon_site.http.error_handler import translate
from audit_app.selectors import records_seen_by
from audit_app.stream import reading
from audit_app.stream.endings import ActionEnding, ChainEnding, Ending, GroupEnding
from audit_app.stream.filters import FrameFilter, filter_of, may_see
from audit_app.stream.frames import Frame
from audit_app.stream.hub import Hub
from audit_app.stream.session import Opening, Session

ENDINGS: dict[str, type[ChainEnding] | type[GroupEnding] | type[ActionEnding]] = {
    "chain": ChainEnding,
    "group": GroupEnding,
    "action": ActionEnding,
}
SEES_THE_BOARD = "audit_app.view_auditrecord"
hub = Hub(standing)
log = structlog.get_logger()

_NUMBER = re.compile(r"[0-9]{1,18}")
View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def _edge(view: View) -> View:
    """GET and HEAD, errors in the contract's form. No cookie signs in here, so there is no forgery to look for."""

    @csrf_exempt
    @wraps(view)
    async def guarded(request: HttpRequest, **parts: str) -> HttpResponseBase:
        try:
            if request.method not in ("GET", "HEAD"):
                headers = {"Allow": "GET, HEAD"}
                raise AppError("only GET is allowed here", "METHOD_NOT_ALLOWED", 405, headers=headers)
            return await view(request, **parts)
        except Exception as error:  # whatever it is, it leaves as JSON
            refusal = translate(error)
            if refusal.code == "INTERNAL":
                log.exception("stream_refused", exc_info=error)
            return JsonResponse(refusal.body(), status=refusal.status, headers=dict(refusal.headers))

    return guarded


@_edge
async def stream(request: HttpRequest) -> HttpResponseBase:
    return _streaming(request, await sync_to_async(_open_stream)(request))


@_edge
async def board(request: HttpRequest) -> HttpResponseBase:
    """The live board's frames, for whoever is signed in to the admin and may see the trail."""
    return _streaming(request, await sync_to_async(_open_board)(request))


@_edge
async def subscribe(request: HttpRequest, kind: str, key: str) -> HttpResponseBase:
    return _streaming(request, await sync_to_async(_open_subscription)(request, kind, key))


def _streaming(request: HttpRequest, opening: Opening) -> HttpResponseBase:
    if request.method == "HEAD":
        frames: AsyncIterable[bytes] = _nothing()  # else frames would be made, for ever, that nobody is sent
    else:
        _take_place(opening.caller)
        frames = Session(hub, opening)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(frames, content_type="text/event-stream", headers=headers)


async def _nothing() -> AsyncIterator[bytes]:
    frames: tuple[bytes, ...] = ()
    for frame in frames:
        yield frame


def _take_place(caller: Principal) -> None:
    """Keys with the same namespaces and tenants share the number of streams that a tenant may have open."""
    most, most_alike = settings.STREAM_LISTENERS, settings.STREAM_LISTENERS_PER_TENANT
    full = hub.take_place(caller, most=most, most_alike=most_alike)
    if full == "process":
        raise unavailable("this process has as many open streams as it can hold")
    if full:
        message = f"this tenant has {most_alike} open streams here already; close one"
        raise AppError(message, "RATE_LIMITED", 429, retryable=True, headers={"Retry-After": "5"})


def _open_stream(request: HttpRequest) -> Opening:
    try:
        caller = admit_request(request)
        after, missed = _resume_point(request, reading.heads())
        return Opening(caller, filter_of(request.GET.dict()), after, missed)
    finally:
        reading.release_connection()


def _open_board(request: HttpRequest) -> Opening:
    try:
        caller = session_principal(request, SEES_THE_BOARD)
        if caller is None:
            raise AppError("sign in to the admin again", "UNAUTHENTICATED", 401)
        query = {name: request.GET[name] for name in ("namespace", "tenant") if name in request.GET}
        wanted = filter_of({**query, "event_type": "action_dispatched"})
        after, missed = _resume_point(request, reading.heads(), given=request.GET.get("after", ""))
        return Opening(caller, wanted, after, missed)
    finally:
        reading.release_connection()


def _open_subscription(request: HttpRequest, kind: str, key: str) -> Opening:
    try:
        caller = admit_request(request)
        if kind not in ENDINGS:
            raise not_found("subscriptions are to a chain, a group or an action")
        values = {name: request.GET[name] for name in ("namespace", "tenant") if name in request.GET}
        wanted = FrameFilter((*filter_of(values).values, (f"{kind}_id", key)))
        with_history, heads = _includes_history(request), reading.heads()
        ending = ENDINGS[kind](key)
        opening = Opening(caller, wanted, heads.last, ending=ending)
        past = _past_of(opening, ending, heads)
        if with_history:
            seen, opening.missed = _resume_point(request, heads, fresh=0)
            opening.history = tuple(frame for frame in past if frame.number > seen)
        return opening
    finally:
        reading.release_connection()


def _past_of(opening: Opening, ending: Ending, heads: reading.Heads) -> list[Frame]:
    """What happened to the entity so far, as far as this caller sees it; and whether it is over already."""
    past = [
        frame
        for frame in reading.history_of(ending.kind, ending.key, up_to=heads.last)
        if opening.frame_filter.passes(frame) and may_see(opening.caller, frame)
    ]
    for frame in past:
        opening.ended = opening.ended or ending.reason(frame)
        opening.scope = (frame.namespace, frame.tenant)
    if ending.kind == "chain" and not past:
        opening.scope = _scope_on_record(opening, ending.key)
    if ending.kind == "group" and not past and (known := reading.group_on_record(opening.caller, ending.key)):
        opening.scope, opening.ended = known
    if ending.kind == "chain" and opening.ended is None:
        opening.ended = reading.chain_end_on_record(opening.caller, ending.key) or None
    return past


def _scope_on_record(opening: Opening, chain_id: str) -> tuple[str, str]:
    """Namespace and tenant of a chain by the trail. Raises 404 where the caller has none of this id there."""
    key, named = as_uuid(chain_id), dict(opening.frame_filter.values)
    rows = records_seen_by(opening.caller).filter(**{**named, "chain_id": key}) if key else None
    scope = rows.values_list("namespace", "tenant").first() if rows is not None else None
    if scope is None:
        raise not_found("there is no such chain")
    return scope


def _resume_point(
    request: HttpRequest, heads: reading.Heads, fresh: int | None = None, given: str = ""
) -> tuple[int, bool]:
    """The number to go on after, and whether events before it are lost to this client.

    `fresh` is the start of a client without Last-Event-ID and without `given`; None: what happens from now on.
    """
    given = request.headers.get("Last-Event-ID", given).strip()
    if not given:
        return (heads.last if fresh is None else fresh), False
    if not _NUMBER.fullmatch(given) or int(given) > heads.last:
        return heads.last, True  # not an id of this gateway, or of its database as it is now
    return int(given), int(given) < heads.reaped


def _includes_history(request: HttpRequest) -> bool:
    text = request.GET.get("include_history", "true").lower()
    if text not in ("true", "false", "1", "0"):
        message = "must be true or false"
        raise bad_query(f"include_history {message}", [FieldProblem("include_history", message)])
    return text in ("true", "1")
