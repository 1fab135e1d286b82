"""One HTTP exchange and what its end means: an Answer, or a ProviderError with the retry decision."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from chains_app.providers.answers import TooLarge, Unreadable, read_answer
from chains_app.providers.base import (
    CONFIGURATION,
    CONNECTION,
    EXECUTION_FAILED,
    RATE_LIMITED,
    TIMEOUT,
    Answer,
    ProviderError,
)
from chains_app.providers.connections import Connection, NotConnected
from chains_app.providers.outbound import RefusedAddress
from chains_app.providers.own import own
from chains_app.providers.reading import Broken, Response
from chains_app.providers.requests import HttpRequest, address_of, message_of
from chains_app.providers.statuses import DEFAULT, Statuses, is_unknown

MAX_ANSWER_BYTES = 1024 * 1024
MAX_RETRY_AFTER = 86_400
# What is told of it is cut further once secrets are out of it (calling.py), or half a secret would stay.
DETAIL_LENGTH = 4000
WORD = re.compile(r"[A-Za-z0-9_.-]{1,60}")
KEPT_HEADERS = ("content-type", "request-id", "x-request-id", "idempotent-replayed")


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms an answer is taken: what its status means, and how large it may be."""

    statuses: Statuses = DEFAULT
    max_bytes: int = MAX_ANSWER_BYTES


USUAL = Terms()


async def exchange(request: HttpRequest, timeout_seconds: float, terms: Terms = USUAL) -> Answer:
    """Send and read within the time, on the loop of `own()`. What failed before anything was sent is known to have
    had no effect."""
    return judged(await response_to(request, timeout_seconds, terms.max_bytes), terms)


def judged(response: Response, terms: Terms = USUAL) -> Answer:
    """What a response means. Raises ProviderError."""
    if response.status in terms.statuses.success:
        return _answer(response, terms)
    raise failure(response, terms)


async def response_to(request: HttpRequest, timeout_seconds: float, most_bytes: int) -> Response:
    """What came back, whatever it says; of a larger answer the beginning. Raises ProviderError where nothing did."""
    origin, message = address_of(request.url).origin, message_of(request)
    connections = own().connections
    connection: Connection | None = None
    try:
        async with asyncio.timeout(timeout_seconds):
            connection = await connections.take(origin)
            return await connection.exchange(message, most_bytes)
    except RefusedAddress as error:
        raise ProviderError(CONFIGURATION, f"{error}; ACTEON_OUTBOUND_ALLOW may list it") from None
    except NotConnected:
        raise ProviderError(CONNECTION, "the connection failed", retryable=True) from None
    except Broken:
        raise ProviderError(CONNECTION, "the connection broke", retryable=True, unknown=True) from None
    except TimeoutError:
        if connection is None:
            raise ProviderError(TIMEOUT, "no connection in time", retryable=True) from None
        raise ProviderError(TIMEOUT, "no answer in time", retryable=True, unknown=True) from None
    finally:
        if connection is not None:
            connections.give_back(connection)


def _answer(response: Response, terms: Terms) -> Answer:
    """A success that says nothing readable is none: what it meant to say, nobody knows."""
    if len(response.content) > terms.max_bytes:
        message = f"the answer is larger than {terms.max_bytes} bytes"
        raise ProviderError(EXECUTION_FAILED, message, unknown=True)
    try:
        body = read_answer(response.content, response.headers, terms.max_bytes)
    except Unreadable as error:
        message = f"HTTP {response.status}, but the answer {error}"
        again = not isinstance(error, TooLarge)
        raise ProviderError(EXECUTION_FAILED, message, retryable=again, unknown=True) from None
    return Answer(body, {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers})


def failure(response: Response, terms: Terms = USUAL) -> ProviderError:
    """What a status outside the successes means. 500, 502 and 504 may have taken effect: nobody can tell."""
    status = response.status
    if 300 <= status < 400:
        return ProviderError(EXECUTION_FAILED, f"HTTP {status}: redirects are not followed")
    code = {429: RATE_LIMITED, 408: TIMEOUT, 504: TIMEOUT}.get(status, EXECUTION_FAILED)
    body, statuses = reasons(response, terms), terms.statuses
    detail = _detail(body or {})
    retryable = status in statuses.retry
    judged = status in statuses.settling and body is not None and not _is_about_the_key(body)
    return ProviderError(
        code,
        f"HTTP {status}{': ' if detail else ''}{detail}",
        retryable=retryable,
        unknown=is_unknown(status),
        retry_after=pause_asked(response),
        settles=judged and not retryable,
    )


def not_its_own(service: str) -> ProviderError:
    """A success that does not say what the service always says: whoever stands in between has answered, and what
    became of the call nobody knows."""
    message = f"a success, but the answer is not {service}'s own"
    return ProviderError(EXECUTION_FAILED, message, retryable=True, unknown=True)


def reasons(response: Response, terms: Terms = USUAL) -> dict[str, Any] | None:
    """What a refusal says, None where nobody can read it: a proxy's page judges no key."""
    try:
        return read_answer(response.content, response.headers, terms.max_bytes)
    except Unreadable:
        return None


def _is_about_the_key(body: Mapping[str, Any]) -> bool:
    """Whether the peer complains of the key itself, as Stripe does with 400 `idempotency_error` where another
    request had it first: that tells nothing of what the first one did."""
    error = body.get("error")
    texts = [*body.values(), *(error.values() if isinstance(error, Mapping) else ())]
    return any(isinstance(text, str) and "idempoten" in text.lower() for text in texts)


def _detail(body: Mapping[str, Any]) -> str:
    """The peer's own short reason: `error`, `error.message` or `message`, with the first of `errors`; or one word
    and nothing else, as Slack's webhooks say it."""
    error = body.get("error")
    reason = error.get("message") if isinstance(error, Mapping) else error or body.get("message")
    listed, word = body.get("errors"), body.get("text")
    first = listed[0] if isinstance(listed, list) and listed else None
    said = [" ".join(text.split()) for text in (reason, first) if isinstance(text, str)]
    if not said and isinstance(word, str) and WORD.fullmatch(word):
        said = [word]
    return ": ".join(said)[:DETAIL_LENGTH]


def pause_asked(response: Response) -> float | None:
    """Retry-After in seconds, from seconds or an HTTP date; None where there is no usable value. At most a day."""
    value = response.headers.get("retry-after")
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(min(int(value.strip()[:9]), MAX_RETRY_AFTER))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0), MAX_RETRY_AFTER)
