"""Calls to make side by side, and what they came to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from chains_app.providers.base import Call, ProviderSettings, Runs
from chains_app.services.requests import Reply, Request


def request(provider: str, *, timeout: float = 20, note: str = "") -> Request:
    call = Call(provider, "act", {"note": note}, "n", "t", "a-1", f"run-1:{note}", timeout)
    return Request(cast(Any, None), cast(Any, None), call, cast(Any, None), time.monotonic())


@dataclass
class Ends:
    """What calls came to, as `done` heard it."""

    replies: list[tuple[str, Reply]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def done(self, asked: Request, reply: Reply) -> None:
        self.threads.add(threading.current_thread().name)
        self.replies.append((asked.call.payload["note"], reply))

    def wait_for(self, count: int, seconds: float = 30) -> list[Reply]:
        until(lambda: len(self.replies) >= count, seconds)
        return [reply for _, reply in self.replies]


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come to be"
        time.sleep(0.005)


class Providers(dict[str, ProviderSettings]):
    """Those that the calls find by their names; no database is asked, so that a child may use them too."""

    def webhook(self, name: str, url: str, most: int = 50) -> None:
        self[name] = ProviderSettings(name, "webhook", {"url": url}, max_concurrent=most)

    def kind(self, name: str, runs: Runs, call: Callable[..., Any], most: int = 50) -> None:
        self[name] = ProviderSettings(name, name, max_concurrent=most)
        self.kinds[name] = SimpleNamespace(runs=runs, call=call)

    def __init__(self) -> None:
        self.kinds: dict[str, Any] = {}
