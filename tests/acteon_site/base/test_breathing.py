"""What is large waits while anything else is served, and comes to its end all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from acteon_site.base import breathing
from acteon_site.base.breathing import breathe, making_way, served
from orders_app.sandbox import budget
from orders_app.sandbox.rendering import render_text


@contextmanager
def somebody_is_served() -> Iterator[None]:
    begun, over = threading.Event(), threading.Event()

    def serve() -> None:
        with served():
            begun.set()
            over.wait(30)

    thread = threading.Thread(target=serve)
    thread.start()
    begun.wait()
    yield
    over.set()
    thread.join()


def work(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_large_work_waits_while_somebody_is_served_but_not_for_ever() -> None:
    with making_way(), somebody_is_served():
        work(0.02)
        assert 0.02 * breathing.SHARE * 0.9 <= breathe() < breathing.LONGEST * 20
        assert breathe() == 0  # it has done nothing since


def test_it_goes_on_as_soon_as_nobody_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breathing, "SHARE", 10_000)
    monkeypatch.setattr(breathing, "LONGEST", 30)
    with making_way():
        work(0.01)
        assert breathe() < 10
        with somebody_is_served():
            gone = threading.Event()

            def leave() -> None:
                gone.set()
                breathing._leave(next(iter(breathing._served)))

            work(0.01)
            threading.Timer(0.1, leave).start()
            assert breathe() < 10
            assert gone.is_set()


def test_what_is_not_large_never_waits_and_neither_does_it_for_what_is() -> None:
    with somebody_is_served(), served():
        work(0.01)
        assert breathe() == 0
        with making_way():
            assert threading.get_ident() not in breathing._served


def test_a_rendering_has_its_time_whatever_is_served_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breathing, "SHARE", 10_000)
    monkeypatch.setattr(breathing, "LONGEST", 0.3)
    with making_way(), somebody_is_served():
        started = time.monotonic()
        assert (
            render_text("{% for a in range(100) %}{% for b in range(100) %}{% endfor %}{% endfor %}x", {})
            == "x"
        )
        assert time.monotonic() - started > budget.MAX_SECONDS
