"""The order's page says why, and the rules can be tried with it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from orders_app.models import Order
from tests.people import PRIVATE, People, held, page_of
from tests.world import Shop

PAGE = "orders_app_order_change"


def test_the_page_says_which_rule_held_the_order_why_and_what_had_to_differ(
    shop: Shop, people: People
) -> None:
    held(shop)
    page = page_of(people.client("viewer"), PAGE, Order.objects.get().pk)
    for said in (
        "It was held for approval by the rule approve-high-value.",
        "the total, $750.00, is at least $500.00",
        "With a total of $499.99 ($250.01 less) it would have been carried out",
        "The rule had stood like this since",
        "Try with the rules",
    ):
        assert said in page
    assert not any(secret in page for secret in PRIVATE)


def test_who_may_read_orders_only_is_not_told_of_rules(shop: Shop, people: People) -> None:
    held(shop)
    only = User.objects.create_user("only", is_staff=True)
    only.user_permissions.set(Permission.objects.filter(codename="view_order"))
    client: Any = Client()
    client.force_login(only)
    page = page_of(client, PAGE, Order.objects.get().pk)
    assert 'id="why"' not in page
