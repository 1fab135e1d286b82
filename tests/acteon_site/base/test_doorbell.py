"""Who is rung for, and who is not."""

from __future__ import annotations

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
