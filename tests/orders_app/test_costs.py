"""What a dispatch costs in statements: few for one order, and no more for a thousand."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.world import Shop, order, tag

FRAMING = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK")
MOST_FOR_ONE = 12


def statements_of(shop: Shop, actions: list[dict[str, Any]]) -> list[str]:
    shop.batch([order()])  # caches are warm
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = shop.batch(actions) if len(actions) > 1 else shop.dispatch(actions[0])
    assert answer.status_code == 200, answer.content
    items = answer.json() if len(actions) > 1 else [answer.json()]
    assert {tag(item) for item in items} <= {"Executed", "Throttled"}
    asked = [query["sql"] for query in queries if not query["sql"].startswith(FRAMING)]
    # Whether configuration changed is asked by the clock, not by the request.
    return [sql for sql in asked if "acteon_site_configstamp" not in sql]


def test_one_order_costs_at_most_twelve_statements(shop: Shop) -> None:
    statements = statements_of(shop, [order()])
    assert len(statements) <= MOST_FOR_ONE, "\n".join(sql[:160] for sql in statements)


@pytest.mark.postgres  # SQLite bounds the values of a statement, so that Django splits a large one
def test_the_number_of_statements_does_not_depend_on_the_number_of_orders(shop: Shop) -> None:
    few = statements_of(shop, [order() for _ in range(2)])
    many = statements_of(shop, [order() for _ in range(200)])
    assert len(many) <= len(few), "\n".join(sql[:160] for sql in many)
