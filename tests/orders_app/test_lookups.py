"""Orders are found by what their lifecycle marks, and nobody reads it from what is kept for that."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from acteon_site.base.digest import keyed_hash
from orders_app.lifecycles.fields import parse_field
from orders_app.lifecycles.lookups import looked_up
from orders_app.models import Order, OrderLookup
from orders_app.services.lookups import orders_looked_up
from tests.people import always_open, held
from tests.world import NAMESPACE, TENANT, Shop, order, tag

HERE = [(NAMESPACE, TENANT)]


def found(term: str, scopes: list[tuple[str, str]] = HERE) -> list[str]:
    return [row.order.fingerprint for row in orders_looked_up(term, scopes).select_related("order")]


def test_orders_are_found_by_a_customers_address_newest_first(shop: Shop) -> None:
    for name, email in (("a", "ada@example.com"), ("b", "bob@example.com"), ("c", " ADA@Example.com ")):
        assert tag(shop.place(payload={"order_id": name, "customer_email": email})) == "Executed"
    assert found("Ada@example.com") == ["c", "a"]
    assert found("ada@example") == []
    assert found("") == []


def test_a_set_of_orders_keeps_as_much_as_orders_one_by_one(shop: Shop) -> None:
    shop.batch([order(payload={"customer_email": f"{n}@example.com"}) for n in range(8)])
    assert OrderLookup.objects.count() == Order.objects.count() == 8


def test_what_is_kept_is_no_address_and_no_plain_hash_of_it(shop: Shop) -> None:
    shop.place()
    row = OrderLookup.objects.get()
    assert row.hash != keyed_hash("ada@example.com")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM orders_app_orderlookup")
        assert "ada" not in repr(cursor.fetchall())


def test_a_customer_of_two_shops_is_two_customers(shop: Shop) -> None:
    shop.place()
    shop.place(tenant="beta-store")
    hashes = list(OrderLookup.objects.values_list("hash", flat=True))
    assert len(hashes) == len(set(hashes)) == 2
    assert len(found("ada@example.com")) == 1
    assert len(found("ada@example.com", [*HERE, (NAMESPACE, "beta-store")])) == 2


def test_a_released_order_is_kept_once_and_forgotten_with_its_order(shop: Shop) -> None:
    always_open()
    hold = held(shop)
    shop.post(f"/v1/approvals/{hold.pk}/approve")
    assert OrderLookup.objects.count() == 1
    Order.objects.all().delete()
    assert OrderLookup.objects.count() == 0


@pytest.mark.parametrize(
    "value", ["4111 1111 1111 1111", 4111111111111111, True, None, ["x"], "x" * 321, " "]
)
def test_card_numbers_and_what_is_no_short_text_are_not_kept(value: Any) -> None:
    assert looked_up(value) == ""


def test_only_texts_and_whole_numbers_can_be_marked() -> None:
    assert parse_field("customer_id", {"type": "integer", "lookup": True})[1] == []
    for spec in ({"type": "list", "lookup": True}, {"type": "text", "lookup": "yes"}):
        assert [problem.field for problem in parse_field("x", spec)[1]] == ["fields.x.lookup"]
