"""A test's way to what runs on the loop: hand over, and wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from chains_app.providers.base import Answer, Call, ProviderKind, ProviderSettings
from chains_app.providers.exchange import USUAL, Terms, exchange
from chains_app.providers.own import own
from chains_app.providers.requests import HttpRequest

T = TypeVar("T")


def called(kind: ProviderKind, settings: ProviderSettings, call: Call) -> Answer:
    """What the kind answers, however it runs."""
    came = kind.call(settings, call)
    return own().run(came) if isinstance(came, Coroutine) else came


def exchanged(request: HttpRequest, timeout_seconds: float, terms: Terms = USUAL) -> Answer:
    return own().run(exchange(request, timeout_seconds, terms))


def on_loop(act: Callable[[], T]) -> T:
    """What a plain function comes to in the loop's thread, after what the loop has to do before."""

    async def done() -> T:
        await asyncio.sleep(0)
        return act()

    return own().run(done())


def beside(work: Coroutine[Any, Any, T]) -> T:
    return own().run(work)
