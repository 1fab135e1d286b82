"""Dispatch requests that arrive at the same time share a transaction (orders_app.services.placing).

They come from two sides: from the view, and by the short way of plain requests (acteon_site.http.direct). What DRF
does for the view, admitting the caller and reading the body, is done here for those in sets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from acteon_site.access.keys import KeysStanding, keys_standing
from acteon_site.access.seen_keys import forget
from acteon_site.base.breathing import served
from acteon_site.base.connections import ready_connection, release_connections
from acteon_site.base.digest import keyed_hash
from acteon_site.base.errors import (
    AppError,
    database_gone,
    forbidden,
    unauthenticated,
    unavailable,
    unexpected,
)
from acteon_site.base.gathering import Gatherer, OverloadedError
from acteon_site.base.principals import Principal, Role
from acteon_site.http import strict_json
from acteon_site.http.direct import PlainAnswer, PlainRequest
from acteon_site.http.throttling import rates_check
from orders_app.pipeline.items import Submission
from orders_app.services.answers import Answer
from orders_app.services.idempotency import KeyUse, key_use
from orders_app.services.placing import (
    DispatchRequest,
    Pending,
    Placed,
    is_instant,
    requests_answer,
    requests_finish,
    requests_place,
)

log = structlog.get_logger()
PATH = "/v1/dispatch"
KEYS = KeysStanding()
AT_MOST = 64  # requests in one set
# That wait in this process for one, in all and of one tenant.
MOST_WAITING, OF_ONE_TENANT = 1024, 512
OVERLOADED = "more orders are waiting than can be taken in now; send this one again"


@dataclass(frozen=True, slots=True)
class Arrived:
    """What waits for a set: a request that DRF has admitted, or a plain one that nobody has looked at yet."""

    request: DispatchRequest | PlainRequest
    key: str = ""


def answer_together(request: DispatchRequest) -> Answer:
    """The answer of an admitted request, in this thread. Raises its AppError."""
    if connection.in_atomic_block:  # a test's own, which no other thread would see
        (answer,) = requests_answer([request])
    else:
        release_connections()  # whoever waits holds none
        arrived = Arrived(request, request.use.key if request.use else "")
        placed = _submit(arrived, request.submission.caller).result()
        (answer,) = requests_finish([placed])
    if isinstance(answer, AppError):
        raise answer
    return answer


class DispatchDoor:
    """POST /v1/dispatch by the short way."""

    path = PATH

    async def answer(self, request: PlainRequest) -> PlainAnswer:
        try:
            placed = await asyncio.wrap_future(_submit(Arrived(request, _alone(request)), request.caller))
            answer = placed if isinstance(placed, Answer | AppError) else await _finish(placed)
        except AppError as error:
            answer = error
        except Exception:  # whatever it is, the client gets the contract's error, as from a view
            log.exception("request_failed", request_id=request.request_id)
            answer = unexpected()
        if isinstance(answer, AppError):
            return PlainAnswer(answer.status, strict_json.encode(answer.body()), answer.headers.items())
        return PlainAnswer(answer.status, strict_json.encode(answer.body), answer.headers.items())


# Each waits for calls of its request, and has nothing else to do.
_waiting = ThreadPoolExecutor(64, thread_name_prefix="waiting")


@sync_to_async(thread_sensitive=False, executor=_waiting)
def _finish(placed: Placed) -> Answer | AppError:
    try:
        (answer,) = requests_finish([placed])
    finally:
        release_connections()
    return answer


def _submit(arrived: Arrived, caller: Principal) -> Any:
    """Raises 503 where too much waits."""
    try:
        return gatherer.submit(arrived, share=caller.share, alone=arrived.key)
    except OverloadedError:
        raise unavailable(OVERLOADED, retry_after=1) from None


def _alone(request: PlainRequest) -> str:
    """Requests with the same key come after one another, whichever way they take."""
    if not request.idempotency_key:
        return ""
    return keyed_hash(request.caller.idempotency_scope, request.idempotency_key)


def _place(arrived: Sequence[Arrived]) -> list[Placed]:
    """One set: one result for each, in order."""
    with served():
        return _placed(arrived)


def _placed(arrived: Sequence[Arrived]) -> list[Placed]:
    try:
        ready_connection()
        admitted = _admitted([one.request for one in arrived])
        requests = [one for one in admitted if isinstance(one, DispatchRequest)]
        placed = _finish_instant(requests_place(requests)) if requests else []
    except DatabaseError:
        return [database_gone()] * len(arrived)
    results = iter(placed)
    return [one if isinstance(one, AppError) else next(results) for one in admitted]


def _finish_instant(placed: Sequence[Placed]) -> list[Placed]:
    """Make the calls that take no time at once, for the whole set; the others are for whoever sent them."""
    instant = {
        number: one for number, one in enumerate(placed) if isinstance(one, Pending) and is_instant(one)
    }
    answers = dict(zip(instant, requests_finish(list(instant.values())), strict=True))
    return [answers.get(number, one) for number, one in enumerate(placed)]


def _admitted(requests: Sequence[DispatchRequest | PlainRequest]) -> list[DispatchRequest | AppError]:
    """What DRF does before its view: is the caller still known, may he, not too often, and what does he say."""
    plain = [one for one in requests if isinstance(one, PlainRequest)]
    if not plain:
        return [one for one in requests if isinstance(one, DispatchRequest)]
    refusals = {id(one): _refusal(one) for one in plain}
    allowed = [one for one in plain if not refusals[id(one)]]
    refusals |= {
        id(one): error
        for one, error in zip(allowed, rates_check([one.caller for one in allowed]), strict=True)
    }
    admitted = [
        one if isinstance(one, DispatchRequest) else refusals[id(one)] or _read(one) for one in requests
    ]
    return _first_of_all(requests, admitted)


def _first_of_all(
    requests: Sequence[DispatchRequest | PlainRequest], admitted: list[DispatchRequest | AppError]
) -> list[DispatchRequest | AppError]:
    """What is refused here comes to no set that asks for its caller: so a key that no longer stands is told here."""
    refused = {
        number: one.caller
        for number, one in enumerate(requests)
        if isinstance(one, PlainRequest) and isinstance(admitted[number], AppError)
    }
    standing = keys_standing(set(refused.values())) if refused else set()
    for number, caller in refused.items():
        if caller not in standing:
            forget(caller)
            admitted[number] = unauthenticated()
    return admitted


def _refusal(request: PlainRequest) -> AppError | None:
    return (
        None if request.caller.role >= Role.OPERATOR else forbidden("the caller's role does not allow this")
    )


def _read(request: PlainRequest) -> DispatchRequest | AppError:
    submission = Submission(request.caller, request.request_id, timezone.now(), trace=request.trace)
    try:
        body = strict_json.decode(request.body)
        use = _key_use(request, submission, body)
    except AppError as error:
        return error
    return DispatchRequest([body], submission, use=use, remembered=KEYS)


def _key_use(request: PlainRequest, submission: Submission, body: Any) -> KeyUse | None:
    if request.idempotency_key is None:
        return None
    return key_use(
        request.idempotency_key,
        scope=key_scope(submission.caller, body),
        method="POST",
        path=request.path,
        raw_body=request.body,
    )


def key_scope(caller: Principal, body: Any) -> str:
    """Whose Idempotency-Keys these are: an API key's; without keys the tenant's that the (first) action names."""
    if caller.idempotency_scope:
        return caller.idempotency_scope
    first = body[0] if isinstance(body, list) and body else body
    return f"{first.get('namespace')}\n{first.get('tenant')}" if isinstance(first, dict) else ""


gatherer: Gatherer[Arrived, Placed] = Gatherer(
    _place, name="orders", at_most=AT_MOST, waiting=MOST_WAITING, of_one=OF_ONE_TENANT
)
