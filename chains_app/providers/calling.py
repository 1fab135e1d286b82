"""The one door through which anything calls a provider."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import structlog
from django.db import connection

from audit_app.selectors import current_redactor
from chains_app.providers.base import (
    CONFIGURATION,
    EXECUTION_FAILED,
    Answer,
    Call,
    ProviderError,
    ProviderSettings,
)
from chains_app.providers.registry import kind_of

log = structlog.get_logger()
SHORTEST_SECRET = 6
SHORTEST_TOKEN = 20
BEFORE_PATH = re.compile(r"^[^/]*//[^/?#]*")
WORDS = re.compile(r"[^/?&=#]+")


def call_provider(settings: ProviderSettings, call: Call) -> Answer:
    """One attempt, within `call.timeout_seconds`; the caller records it before and after. Raises ProviderError only.

    Never inside a transaction: a slow provider would hold its locks and its database connection.
    """
    if in_transaction():
        raise AssertionError("a provider must not be called inside a transaction")
    if not settings.enabled:
        raise ProviderError(CONFIGURATION, f"provider {settings.name} is switched off")
    started = time.monotonic()
    try:
        return kind_of(settings).call(settings, call)
    except ProviderError as error:
        raise _scrubbed(error, settings, call) from None
    except Exception as error:  # what a kind did not foresee: the call may have taken effect
        log.error("provider_surprise", provider=settings.name, error=type(error).__name__)
        message = f"unexpected {type(error).__name__}"
        raise ProviderError(EXECUTION_FAILED, message, retryable=False, unknown=True) from None
    finally:
        log.debug("provider_called", provider=settings.name, seconds=round(time.monotonic() - started, 3))


def in_transaction() -> bool:
    """Whether a transaction is open, not counting those that a TestCase wraps around each test."""
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def _scrubbed(error: ProviderError, settings: ProviderSettings, call: Call) -> ProviderError:
    """The same error, its text without the provider's secrets and the payload's redacted values."""
    message = current_redactor().scrubber(call.payload).text(error.message)
    for secret in sorted(set(_secrets(settings)), key=len, reverse=True):
        message = message.replace(secret, "[secret]")
    return replace(error, message=message)


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
