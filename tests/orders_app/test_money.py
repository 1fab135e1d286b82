"""Amounts through the doors: refused in a currency that does not exist, and shown by the decimals of theirs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from rest_framework.test import APIClient

from chains_app.models import Run
from chains_app.providers.base import Call, ProviderSettings
from chains_app.providers.email import EmailKind, compose
from orders_app.models import Action
from orders_app.pipeline.hold_answers import approval_links
from tests.acteon_site.http.test_bad_input import assert_error
from tests.people import People, held, page_of
from tests.world import Shop, order, tag

AMOUNTS = [
    ({"total_cents": 61_500, "currency": "USD"}, "$615.00"),
    ({"total_cents": 61_500, "currency": "JPY"}, "¥61,500"),
    ({"total_cents": 61_500, "currency": "KWD"}, "61.500 KWD"),
    ({"total_cents": 61_500, "currency": None}, "61,500 (no currency given)"),
]
PAGES = ("orders_app_approval_changelist", "orders_app_order_changelist", "index")
Payload = dict[str, Any]


def test_a_currency_that_does_not_exist_is_refused_and_the_near_one_named(shop: Shop) -> None:
    answer = shop.dispatch(order(payload={"currency": "UDS"}))
    problems = assert_error(answer, 422, "VALIDATION")["details"]
    message = "is no currency of ISO 4217: 'UDS' (did you mean 'USD'?)"
    assert problems == [{"field": "payload.currency", "message": message}]
    assert not Action.objects.exists()


@pytest.mark.parametrize("currency", [840, ["USD"], True, {"code": "USD"}, "", "XAU", "U\u200bSD"])
def test_what_is_no_currency_at_all_is_refused_too(shop: Shop, currency: Any) -> None:
    problems = assert_error(shop.dispatch(order(payload={"currency": currency})), 422, "VALIDATION")[
        "details"
    ]
    assert [problem["field"] for problem in problems] == ["payload.currency"]


@pytest.mark.parametrize("currency", ["USD", " usd", "jpy", "KWD", None])
def test_currencies_in_any_case_and_none_are_taken(shop: Shop, currency: str | None) -> None:
    assert tag(shop.place(payload={"currency": currency})) == "Executed"


@pytest.mark.parametrize(("payload", "shown"), AMOUNTS)
def test_every_page_shows_the_amount_in_its_currency(
    shop: Shop, people: People, payload: Payload, shown: str
) -> None:
    hold, client = held(shop, **payload), people.client()
    rows = [("orders_app_approval_change", hold.pk), ("orders_app_order_change", hold.order_id)]
    pages = [page_of(client, name) for name in PAGES] + [page_of(client, *row) for row in rows]
    assert all(shown in page for page in pages)
    assert not any("615.00" in page for page in pages if shown != "$615.00")


@pytest.mark.parametrize(("payload", "shown"), AMOUNTS)
def test_whoever_follows_the_signed_link_sees_it_so(shop: Shop, payload: Payload, shown: str) -> None:
    url = urlsplit(shop.place(payload=payload)["PendingApproval"]["approve_url"])
    page = APIClient(headers={"Accept": "text/html"}).get(f"{url.path}?{url.query}").content.decode()
    assert f"<dt>total</dt><dd>{shown}</dd>" in page


def test_prices_of_items_are_in_the_orders_currency_too(shop: Shop, people: People) -> None:
    items = [{"sku": "A", "price_cents": 1_500}, {"sku": "B", "price_cents": 2_000, "currency": "JPY"}]
    hold = held(shop, currency="KWD", items=items)
    page = page_of(people.client(), "orders_app_approval_change", hold.pk)
    assert "<td>1.500 KWD</td>" in page
    assert "<td>¥2,000</td>" in page
    link = urlsplit(approval_links(hold)[0])
    page = APIClient(headers={"Accept": "text/html"}).get(f"{link.path}?{link.query}").content.decode()
    assert "1.500 KWD" in page
    assert "¥2,000" in page


def mail(payload: Payload, **config: str) -> Any:
    settings = ProviderSettings("email-service", "email", {"to": "a@example.com", **config})
    call = Call("email-service", "approval_request", payload, "ecommerce", "acme-store", "a-1", "k", 5)
    return compose(settings, call)


@pytest.mark.parametrize(("payload", "shown"), AMOUNTS)
def test_the_approvers_mail_names_the_amount(shop: Shop, payload: Payload, shown: str) -> None:
    held(shop, **payload)
    notice = Run.objects.get(owner_kind="approval_notice").origin["payload"]
    assert notice["amount"] == shown
    assert f"amount: {shown}" in mail(notice).body
    assert mail(notice, subject="Approve {{amount}}?").subject == f"Approve {shown}?"


@pytest.mark.parametrize(("payload", "shown"), AMOUNTS)
def test_a_mail_about_an_order_shows_it_so(payload: Payload, shown: str) -> None:
    assert mail(payload, subject="Yours: {{amount}}").subject == f"Yours: {shown}"
    assert f"total: {shown}" in mail(payload).body
    assert mail({"order_id": "o-1"}, subject="Yours {{amount}}").subject == "Yours"


def test_a_mail_that_asks_for_the_amount_is_a_valid_one() -> None:
    assert EmailKind().check({"to": "a@example.com", "subject": "{{amount}}"}, {}) == []


@pytest.mark.parametrize(("payload", "shown"), AMOUNTS)
def test_templates_have_a_filter_for_it(shop: Shop, payload: Payload, shown: str) -> None:
    text = "{{ payload.total_cents | money(payload.currency) }}"
    answer = shop.post("/v1/templates/render", {"template": text, "data": {"payload": payload}})
    assert answer.json() == {"rendered": shown}


@pytest.mark.parametrize("text", ["{{ ('9' * 60000 ~ '9' * 60000) | money }}", "{{ (2 ** 5000) | money }}"])
def test_the_filter_is_bounded_like_the_others(shop: Shop, text: str) -> None:
    assert_error(shop.post("/v1/templates/render", {"template": text}), 422, "VALIDATION")
