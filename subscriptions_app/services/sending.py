"""One request to a subscriber, on the loop beside hundreds of others. Nothing here asks the database."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from chains_app.providers.base import ProviderError
from chains_app.providers.exchange import pause_asked, response_to
from chains_app.providers.reading import Response
from chains_app.providers.requests import HttpRequest
from chains_app.providers.signing import signature_headers
from subscriptions_app.services.claiming import Parcel

log = structlog.get_logger()
# Taken so long ago, another may have it soon: it is given back unsent.
SEND_SECONDS = 30.0
MOST_BYTES = 16 * 1024
# Of an answer so much is looked at. What is kept is cut further once secrets are out of it (recording.py), or half a
# secret would stay.
LOOKED_AT_BYTES = 4096
GONE = 410


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it. `status` None: nobody answered, `error` says why. `unsent`: nothing was sent.

    `answer` holds secrets still; `cut`: it is the beginning of a larger one, which may end within a secret.
    """

    parcel: Parcel
    started_at: datetime
    duration_ms: int = 0
    status: int | None = None
    error: str = ""
    answer: str = field(default="", repr=False)
    cut: bool = False
    pause: float | None = None
    unsent: bool = False

    @property
    def success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


async def parcel_send(parcel: Parcel) -> Sent:
    """Any 2xx is a success, however large or strange its content. Never raises."""
    at, begun = datetime.now(UTC), time.monotonic()
    if begun - parcel.taken > SEND_SECONDS:
        return Sent(parcel, at, unsent=True)
    try:
        response = await response_to(_request(parcel), parcel.timeout_seconds, MOST_BYTES)
    except ProviderError as error:
        return Sent(parcel, at, _since(begun), error=str(error))
    except Exception as error:
        log.error("delivery_surprise", error=type(error).__name__)
        return Sent(parcel, at, _since(begun), error=f"unexpected {type(error).__name__}")
    return _answered(parcel, response, at, _since(begun))


def _answered(parcel: Parcel, response: Response, at: datetime, duration_ms: int) -> Sent:
    status, content = response.status, response.content
    told, cut = content[:LOOKED_AT_BYTES].decode("utf-8", "replace"), len(content) > LOOKED_AT_BYTES
    ok = 200 <= status < 300
    error = "" if ok else f"HTTP {status}"
    if 300 <= status < 400:
        error += ": redirects are not followed"
    return Sent(parcel, at, duration_ms, status, error, told, cut, None if ok else pause_asked(response))


def _request(parcel: Parcel) -> HttpRequest:
    headers = {
        "User-Agent": "acteon-order-gateway",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        **signature_headers(parcel.secrets, parcel.message_id, int(time.time()), parcel.body),
    }
    return HttpRequest("POST", parcel.url, headers, parcel.body)


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
