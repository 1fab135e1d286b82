"""The one door through which anything calls a provider."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast
from urllib.parse import unquote

import structlog
from django.db import connection

from audit_app.redaction import Redactor
from audit_app.selectors import current_redactor
from chains_app.providers.base import (
    CONFIGURATION,
    CONNECTION,
    EXECUTION_FAILED,
    TIMEOUT,
    Answer,
    Call,
    ProviderError,
    ProviderKind,
    ProviderSettings,
    Runs,
)
from chains_app.providers.own import own
from chains_app.providers.registry import kind_of

log = structlog.get_logger()
# Threads that one provider may hold in a process, whatever its max_concurrent.
MOST_BLOCKING = 16
GRACE_SECONDS = 5.0
SHORTEST_SECRET = 6
SHORTEST_TOKEN = 20
MESSAGE_LENGTH = 300
BEFORE_PATH = re.compile(r"^[^/]*//[^/?#]*")
WORDS = re.compile(r"[^/?&=#]+")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call with all that it needs of the database, which the loop's thread never asks."""

    kind: ProviderKind
    settings: ProviderSettings
    call: Call
    redactor: Redactor

    @property
    def at_once(self) -> bool:
        return self.kind.runs is Runs.AT_ONCE

    @property
    def most(self) -> int:
        """How many of its provider's calls may be in flight in this process."""
        return most_in_flight(self.settings)


def call_provider(settings: ProviderSettings, call: Call) -> Answer:
    """One attempt, within `call.timeout_seconds`, waited for. Raises ProviderError only.

    Never inside a transaction: a slow provider would hold its locks and its database connection.
    """
    refuse_transaction()
    prepared = prepare(settings, call)
    return answer_at_once(prepared) if prepared.at_once else own().run(answer_of(prepared))


def prepare(settings: ProviderSettings, call: Call) -> Prepared:
    """Raises ProviderError where it cannot be called. For threads that may ask the database."""
    if not settings.enabled:
        raise ProviderError(CONFIGURATION, f"provider {settings.name} is switched off")
    return Prepared(kind_of(settings), settings, call, current_redactor())


def most_in_flight(settings: ProviderSettings) -> int:
    """How many calls to it may be in flight in this process. Raises ProviderError where its kind is unknown."""
    blocks = kind_of(settings).runs is Runs.IN_THREAD
    return min(settings.max_concurrent, MOST_BLOCKING) if blocks else settings.max_concurrent


def is_at_once(settings: ProviderSettings) -> bool:
    """Whether its calls are over before their start returns. Raises ProviderError where its kind is unknown."""
    return kind_of(settings).runs is Runs.AT_ONCE


def answer_at_once(prepared: Prepared) -> Answer:
    """What a kind that waits for nobody answers. Raises ProviderError only."""
    with _only_provider_errors(prepared):
        return cast(Answer, prepared.kind.call(prepared.settings, prepared.call))


async def answer_of(prepared: Prepared) -> Answer:
    """What the provider answers, on the loop of `own()`. Raises ProviderError only, also where it is cancelled."""
    seconds = prepared.call.timeout_seconds + GRACE_SECONDS
    with _only_provider_errors(prepared):
        try:
            async with asyncio.timeout(seconds):  # kinds end by themselves; this is for one that does not
                return await _called(prepared)
        except TimeoutError:
            raise ProviderError(TIMEOUT, "no end in time", retryable=True, unknown=True) from None
        except asyncio.CancelledError:  # the process ends
            raise ProviderError(CONNECTION, "given up", retryable=True, unknown=True) from None


async def _called(prepared: Prepared) -> Answer:
    call = partial(prepared.kind.call, prepared.settings, prepared.call)
    if prepared.kind.runs is Runs.ON_LOOP:
        return await cast(Coroutine[Any, Any, Answer], call())
    in_context = partial(copy_context().run, call)
    loop = asyncio.get_running_loop()
    return cast(Answer, await loop.run_in_executor(own().blocking, in_context))


@contextmanager
def _only_provider_errors(prepared: Prepared) -> Iterator[None]:
    """What goes wrong inside becomes a ProviderError whose text holds no secret."""
    name, started = prepared.settings.name, time.monotonic()
    try:
        yield
    except ProviderError as error:
        raise _scrubbed(error, prepared) from None
    except Exception as error:  # what a kind did not foresee: the call may have taken effect
        log.error("provider_surprise", provider=name, error=type(error).__name__)
        message = f"unexpected {type(error).__name__}"
        raise ProviderError(EXECUTION_FAILED, message, retryable=False, unknown=True) from None
    finally:
        log.debug("provider_called", provider=name, seconds=round(time.monotonic() - started, 3))


def refuse_transaction() -> None:
    if in_transaction():
        raise AssertionError("a provider must not be called inside a transaction")


def in_transaction() -> bool:
    """Whether a transaction is open, not counting those that a TestCase wraps around each test."""
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def _scrubbed(error: ProviderError, prepared: Prepared) -> ProviderError:
    """The same error, its text without the provider's secrets and the payload's redacted values."""
    message = prepared.redactor.scrubber(prepared.call.payload).text(error.message)
    for secret in sorted(set(_secrets(prepared.settings)), key=len, reverse=True):
        message = message.replace(secret, "[secret]")
    return replace(error, message=message[:MESSAGE_LENGTH])


def _secrets(settings: ProviderSettings) -> Iterator[str]:
    """What a peer may echo and nobody may read: secrets, and addresses, which often hold a token.

    Of an address also parts alone, since Slack's token is the end of its path: all those of a secret one, and
    of any other those that are long enough to be a token.
    """
    yield from _texts(settings.secrets)
    for url, shortest in (
        (settings.secrets.get("secret_url"), SHORTEST_SECRET),
        (settings.config.get("url"), SHORTEST_TOKEN),
    ):
        if isinstance(url, str):
            target = BEFORE_PATH.sub("", url)
            whole = [url, target, unquote(target), target.partition("?")[0]]
            yield from (text for text in whole if len(text) >= SHORTEST_SECRET)
            yield from (word for word in WORDS.findall(target) if len(word) >= shortest)


def _texts(value: Any) -> Iterator[str]:
    """Every text inside the secrets long enough to be one; of "Bearer x" also x alone."""
    if isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield from (part for part in {value, *value.split()} if len(part) >= SHORTEST_SECRET)
