"""GET /status says how each part does, and nothing else, to whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.models import Heartbeat
from acteon_site.tasks import canary
from acteon_site.watching import probes, status_parts
from chains_app.models import Run
from rules_app.models import RuleSetVersion
from tests.world import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    status_parts.forget()
    yield
    status_parts.forget()


def told() -> tuple[int, dict[str, Any]]:
    status_parts.forget()
    answer = APIClient().get("/status")
    return answer.status_code, answer.json()


def test_a_gateway_that_is_well_says_so_without_a_key(shop: Shop) -> None:
    canary()
    parts = dict.fromkeys(("orders", "processing", "releases", "events", "workers"), "ok")
    assert told() == (200, {"status": "ok", "parts": parts})


def test_what_waits_is_degraded_and_orders_are_still_accepted(shop: Shop) -> None:
    canary()
    Heartbeat.objects.update(at=db_now() - timedelta(minutes=2))
    shop.place()
    Run.objects.update(next_run_at=db_now() - timedelta(minutes=5), lease_until=None)
    code, found = told()
    assert (code, found["status"]) == (200, "degraded")
    assert {name for name, word in found["parts"].items() if word == "degraded"} == {"workers", "processing"}


def test_without_rules_in_force_orders_are_down(shop: Shop) -> None:
    RuleSetVersion.objects.all().delete()
    config_versions.reset()
    code, found = told()
    assert (code, found["status"], found["parts"]["orders"]) == (503, "down", "down")


def test_without_the_database_all_is_down(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes.database_state, "_probe", lambda: "does not answer")
    code, found = told()
    assert (code, set(found["parts"].values())) == (503, {"down"})


def test_strangers_who_ask_often_cost_one_look_a_second(
    shop: Shop, django_assert_max_num_queries: Any
) -> None:
    told()
    with django_assert_max_num_queries(0):
        for _ in range(5):
            APIClient().get("/status")
