"""Who is rung for, and who is not."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import transaction

from acteon_site.base import doorbell


class Bell:
    def __init__(self) -> None:
        self.rung: list[tuple[str, list[str]]] = []

    def ring(self, task: str, ids: list[str]) -> None:
        self.rung.append((task, ids))


@pytest.mark.django_db
def test_a_ring_for_nobody_is_not_sent_as_one_for_all(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    """Found by the simulator: the last run below had ended when those below were asked to stop."""
    bell = Bell()
    monkeypatch.setattr(doorbell, "_doorbell", bell)
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        doorbell.ring_on_commit("advance", [])
        doorbell.ring_on_commit("advance", ["7"])
        doorbell.ring_on_commit("relay")
    assert bell.rung == [("advance", ["7"]), ("relay", [])]


class Heard(doorbell.Doorbell):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, list[str], float]] = []
        self.heard = threading.Semaphore(0)

    def _send(self, task: str, ids: list[str]) -> None:
        self.sent.append((task, ids, time.monotonic()))
        self.heard.release()


def test_whoever_is_asked_to_look_again_and_again_is_asked_once_for_all_and_never_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doorbell, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(doorbell, "LOOK_SECONDS", 0.1)
    bell = Heard()
    bell.ring("relay", [])
    assert bell.heard.acquire(timeout=5)
    for number in "123":
        bell.ring("relay", [])
        bell.ring("advance", [number])
        assert bell.heard.acquire(timeout=5)
    assert bell.heard.acquire(timeout=5)
    names = [task for task, _, _ in bell.sent]
    assert sorted(names) == ["advance"] * 3 + ["relay"] * 2
    first, second = (at for task, _, at in bell.sent if task == "relay")
    assert second - first >= 0.1
