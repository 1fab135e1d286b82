"""The whole way of a rule, in real browsers: built, tried, backtested, in shadow, live, obeyed, rolled back; by two."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, Page

from rules_app.models import Backtest, Rule, RuleSetVersion
from rules_app.services.backtest_run import backtest_run
from tests.browsing import CHROMIUM, chromium
from tests.rules_app.manager_way import RULE, STEPS, Way
from tests.rules_app.test_words import seen
from tests.world import Shop, load_shop

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.django_db(transaction=True),
]


def signed_in(browser: Browser, url: str, session: str, trouble: list[str]) -> Page:
    context = browser.new_context()
    context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
    page = context.new_page()
    page.on("pageerror", lambda error: trouble.append(str(error)))
    return page


@pytest.fixture
def sessions(transactional_db: None) -> Iterator[list[str]]:
    """Of two managers. Once the browsers are gone, what is left is looked at: all versions, and no such rule."""
    load_shop()
    seen({"total_cents": 9900, "currency": "USD", "order_id": "o-1"}).save()
    clients = [Client(), Client()]
    for client, name in zip(clients, ("ann", "ben"), strict=True):
        client.force_login(User.objects.create_superuser(name))
    yield [client.cookies["sessionid"].value for client in clients]
    assert not Rule.objects.filter(name=RULE).exists()
    versions = RuleSetVersion.objects.order_by("number")
    assert [(one.actor, one.reason) for one in versions][1:] == [
        ("ann", "Three parcels to Norway were lost in a week"),
        ("ann", "It stops the right ones"),
        ("ann", "The carrier found the parcels"),
    ]


def backtests_compute() -> None:
    """In a thread of its own: the browsers' has an event loop, beside which Django asks no database."""
    for backtest in Backtest.objects.all():
        backtest_run(backtest.pk)
    connection.close()


@pytest.fixture
def way(sessions: list[str], live_server: Any) -> Iterator[Way]:
    trouble: list[str] = []
    key = Shop().secret
    with chromium() as browser, ThreadPoolExecutor(1) as worker:
        ann, ben = (signed_in(browser, live_server.url, one, trouble) for one in sessions)
        own = {"Authorization": f"Bearer {key}"}
        shop = browser.new_context(base_url=live_server.url, extra_http_headers=own).request
        yield Way(ann, ben, shop, live_server.url, work=lambda: worker.submit(backtests_compute).result())
    assert trouble == []


def test_a_manager_changes_what_decides_and_takes_it_back_while_a_colleague_edits(way: Way) -> None:
    for step in STEPS:
        step(way)
