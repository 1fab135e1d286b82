"""What the lists cost: a few statements, and no more with five hundred rows than with five."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from acteon_site.models import ApiKey
from audit_app.models import AuditRecord
from orders_app.models import Action, Hold, Lifecycle, Order
from tests.people import People
from tests.world import NAMESPACE, SCOPE, TENANT, Shop

MOST = 16
MANY = 500


def actions(count: int) -> list[Action]:
    body = {
        **SCOPE,
        "provider": "payment-gateway",
        "action_type": "place_order",
        "id": "a",
        "payload": {"total_cents": 75_000, "currency": "USD"},
        "tainted": [],
    }
    rows = [Action(**SCOPE, action_type="place_order", action_id=f"a-{n}", body=body) for n in range(count)]
    return Action.objects.bulk_create(rows)


def orders(count: int) -> list[Order]:
    lifecycle = Lifecycle.objects.get()
    rows = [
        Order(
            **SCOPE,
            action_type="place_order",
            fingerprint=str(action.pk),
            action=action,
            action_id_text=action.action_id,
            lifecycle=lifecycle,
            state="placed",
            status="held",
        )
        for action in actions(count)
    ]
    return Order.objects.bulk_create(rows)


def holds(kind: str) -> Callable[[int], object]:
    def fill(count: int) -> object:
        due = timezone.now() + timedelta(hours=1)
        rows = [
            Hold(
                kind=kind,
                **SCOPE,
                action=order.action,
                action_id_text=order.action_id_text,
                order=order,
                rule="r",
                due_at=due,
            )
            for order in orders(count)
        ]
        return Hold.objects.bulk_create(rows)

    return fill


def keys(count: int) -> object:
    rows = [ApiKey(name=f"k-{n}-{count}", prefix="x", secret_hash=f"{n}-{count}") for n in range(count)]
    return ApiKey.objects.bulk_create(rows)


def records(count: int) -> object:
    rows = [AuditRecord(**SCOPE, action_id="a", verdict="allow", outcome="executed") for _ in range(count)]
    return AuditRecord.objects.bulk_create(rows)


LISTS: dict[str, Callable[[int], object]] = {
    "orders_app_approval_changelist": holds("approval"),
    "orders_app_waitingorder_changelist": holds("schedule"),
    "orders_app_order_changelist": orders,
    "acteon_site_apikey_changelist": keys,
}


def statements(client: Client, name: str, *args: object) -> list[str]:
    """Without the look at the configuration's stamps, which every process takes twice a second."""
    with CaptureQueriesContext(connection) as caught:
        assert client.get(reverse(f"admin:{name}", args=args)).status_code == 200
    return [query["sql"] for query in caught if "configstamp" not in query["sql"]]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_for_five_rows_and_for_five_hundred(
    shop: Shop, people: People, name: str
) -> None:
    client = people.client("administrator")
    LISTS[name](5)
    statements(client, name)  # caches are warm
    few = statements(client, name)
    LISTS[name](MANY)
    many = statements(client, name)
    assert len(many) <= len(few) <= MOST, "\n".join(sql[:200] for sql in many)


@pytest.mark.parametrize("name", [name for name in LISTS if name.startswith("orders_app")])
def test_a_list_counts_no_further_than_its_cap(shop: Shop, people: People, name: str) -> None:
    LISTS[name](5)
    counts = [sql for sql in statements(people.client("administrator"), name) if "COUNT(" in sql]
    assert counts
    assert all("LIMIT" in sql for sql in counts), counts


def test_the_home_page_costs_the_same_whatever_there_is(shop: Shop, people: People) -> None:
    client = people.client("administrator")
    holds("approval")(5)
    records(5)
    statements(client, "index")
    few = statements(client, "index")
    holds("approval")(100)
    records(MANY)
    many = statements(client, "index")
    assert len(many) <= len(few) <= 2 * MOST, "\n".join(sql[:200] for sql in many)
    assert all("LIMIT" in sql for sql in many if "COUNT(" in sql)


def test_a_page_of_an_order_costs_the_same_whatever_its_history(shop: Shop, people: People) -> None:
    client, order = people.client("operator"), orders(1)[0]
    page = ("orders_app_order_change", order.pk)
    statements(client, *page)
    few = len(statements(client, *page))
    for n in range(30):
        order.moves.create(from_state="placed", to_state=f"s{n}", actor="x")
        AuditRecord.objects.create(
            namespace=NAMESPACE,
            tenant=TENANT,
            action_id=order.action_id_text,
            verdict="allow",
            outcome="executed",
        )
    assert len(statements(client, *page)) <= few <= 2 * MOST
