"""One search over all pages: by names and ids, straight to the page of what is meant, and only what may be seen."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from acteon_site.admin.search import MOST, SEARCHES
from audit_app.models import AuditRecord
from audit_app.services.relay import relay
from chains_app.models import Run
from orders_app.models import Order
from orders_app.services.ties import ties_draw
from rules_app.models import Rule
from tests.people import People, always_open, held
from tests.world import Shop, order, publish_rules

MOST_STATEMENTS = 40


@pytest.fixture
def boss(shop: Shop, people: People) -> Client:
    return people.client()


def search(client: Client, text: str) -> Any:
    return client.get(reverse("find"), {"q": text})


def led_to(client: Client, text: str) -> str:
    """Where the search leads by itself; "" where it shows several, or nothing."""
    return str(search(client, text).headers.get("Location", ""))


def titles(client: Client, text: str) -> dict[str, list[str]]:
    groups = search(client, text).context["groups"]
    return {group.search.title: [hit.title for hit in group.hits] for group in groups}


def page(name: str, row: Any) -> str:
    return reverse(f"admin:{name}_change", args=[row.pk])


def test_a_name_an_address_and_ids_lead_straight_to_their_page(boss: Client, shop: Shop) -> None:
    shop.place(id="act-of-it", payload={"order_id": "blue-1", "customer_email": "kari@example.com"})
    relay()
    ties_draw()
    placed = Order.objects.get()
    for text in ("blue-1", "blu", " kari@Example.com ", str(placed.pk)):
        assert led_to(boss, text) == page("orders_app_order", placed), text
    assert str(Run.objects.get()) in titles(boss, str(Run.objects.get().pk))["Runs"]
    assert titles(boss, "act-of-it")["Orders"] == ["blue-1"]


def test_an_approval_is_found_by_its_id_and_a_rule_by_a_part_of_its_name(boss: Client, shop: Shop) -> None:
    always_open()
    hold = held(shop)
    assert led_to(boss, str(hold.pk)) == page("orders_app_approval", hold)
    assert led_to(boss, "high-value") == page("rules_app_rule", Rule.objects.get(name__contains="high-value"))


def test_the_number_of_a_request_leads_to_what_it_did(boss: Client, shop: Shop) -> None:
    shop.dispatch(order(), HTTP_X_REQUEST_ID="from-the-shop-77")
    record = AuditRecord.objects.filter(request_id="from-the-shop-77").first()
    assert record is not None
    assert led_to(boss, "from-the-shop-77") == page("audit_app_auditrecord", record)


def test_what_begins_so_is_shown_up_to_a_bound_and_the_exact_name_first(boss: Client, shop: Shop) -> None:
    Rule.objects.update(enabled=False)  # one of them throttles
    publish_rules()
    shop.batch([order(payload={"order_id": f"n-{n}"}) for n in range(MOST + 2)])
    relay()
    shown = titles(boss, "n-1")["Orders"]
    assert shown[0] == "n-1"
    assert set(shown) == {"n-1", "n-10", "n-11"}
    every = search(boss, "n-").context["groups"][0]
    assert (len(every.hits), every.more) == (MOST, True)
    assert titles(boss, "N-1").get("Orders") is None


@pytest.mark.parametrize("text", ["", "x" * 400, "%", "_", "n_1", "\0", "'; --", "é" * 9, "  "])
def test_whatever_is_typed_is_a_page(boss: Client, shop: Shop, text: str) -> None:
    answer = search(boss, text)
    assert answer.status_code == 200
    assert answer.context["groups"] == []


def test_nobody_finds_what_they_may_not_see(boss: Client, shop: Shop, people: People) -> None:
    shop.place(payload={"order_id": "blue-1"})
    relay()
    nobody = people.client("nobody's group")
    assert search(nobody, "blue-1").context["groups"] == []
    assert Client().get(reverse("find"), {"q": "blue-1"}).headers["Location"].startswith("/admin/login/")


def test_a_search_costs_a_bounded_number_of_statements(boss: Client, shop: Shop) -> None:
    shop.batch([order(payload={"order_id": f"n-{n}"}) for n in range(8)])
    relay()
    search(boss, "n-")
    with CaptureQueriesContext(connection) as few:
        search(boss, "n-")
    assert len(few) <= MOST_STATEMENTS, len(few)
    assert len(SEARCHES) >= 12


def test_each_page_has_the_box_and_says_where_one_is(boss: Client, shop: Shop) -> None:
    shop.place(payload={"order_id": "blue-1"})
    for url in (
        reverse("admin:index"),
        reverse("admin:orders_app_order_changelist"),
        page("orders_app_order", Order.objects.get()),
    ):
        shown = boss.get(url).content.decode()
        assert 'role="search"' in shown
        assert 'aria-label="Breadcrumbs"' in shown
        assert shown.count("<h1") == 1, url
