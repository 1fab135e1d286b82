"""A database that was away for a moment is used again at once, however fast its clients come back."""

from __future__ import annotations

import time

import pytest
from django.db import connection

from orders_app.models import Order
from tests.world import Shop, load_shop, order

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def cut_off_all_others() -> None:
    """As a server that is started anew does to connections that are open."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("pause", [0, 0.6], ids=["at its transaction", "at its look at the configuration"])
def test_orders_that_come_at_once_after_it_are_taken(pause: float) -> None:
    """Sets of orders have a connection that their thread keeps, and nobody tries it while it is in use."""
    load_shop()
    shop = Shop()
    assert shop.post("/v1/dispatch", order(payload={"order_id": "before"})).status_code == 200
    cut_off_all_others()
    time.sleep(pause)
    answers = [shop.post("/v1/dispatch", order(payload={"order_id": f"after-{n}"})) for n in range(6)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused in ([], answers[:1]), "at most the one that found it broken"
    assert all((one.status_code, one.json()["retryable"]) == (503, True) for one in refused)
    assert Order.objects.count() == 1 + len(answers) - len(refused)
