"""The money of an order on its page: what was charged and given back, and the buttons for who may."""

from __future__ import annotations

import re

import pytest

from acteon_site.access.people import groups_ensure
from acteon_site.base.errors import AppError
from acteon_site.base.money import DECIMALS
from audit_app.services.relay import relay
from orders_app.checkups import refunds
from orders_app.models import Hold, Order
from orders_app.related import related_orders, shops_past
from orders_app.services.refunding import amount_typed
from orders_app.services.ties import ties_draw
from tests.chains_app.gateway import GONE, Gateway, settle
from tests.orders_app.refunding import charged_order, ledger, load_returns, refund, with_rules
from tests.people import People, page_of, press, told
from tests.world import SCOPE, Shop


@pytest.fixture
def shop(db: None) -> Shop:
    return load_returns()


def test_who_runs_the_gateway_refunds_by_a_button_and_rules_decide(
    shop: Shop, gateway: Gateway, people: People
) -> None:
    groups_ensure()
    name = charged_order(shop, gateway, cents=40_000)
    order = Order.objects.get(fingerprint=name)
    operator, viewer = people.client("operator"), people.client("viewer")
    page = page_of(operator, "orders_app_order_change", order.pk)
    assert re.search(r"Charged</dt><dd>\$400.00", page)
    assert "Amount in USD, at most $400.00" in page
    refund_name = re.search(r'name="to" value="(RF-[0-9a-f]+)"', page)
    assert refund_name
    form = {"to": refund_name[1], "amount": "12.50", "reason": "damaged"}
    assert press(viewer, "orders_app_order_refund", order, **form).status_code == 403
    assert "Refund" not in re.findall(
        r'gw-plain" x-on[^>]*>(\w+)<', page_of(viewer, "orders_app_order_change", order.pk)
    )
    assert "under way" in told(press(operator, "orders_app_order_refund", order, **form))
    settle(2)
    assert "taken already" in told(press(operator, "orders_app_order_refund", order, **form))
    assert ledger(name) == (40_000, 1_250, 0)
    page = page_of(operator, "orders_app_order_change", order.pk)
    assert "$387.50" in page
    assert refund_name[1] in page
    for wrong, why in (
        ("twelve", "must be an amount"),
        ("1.234", "must be an amount"),
        ("400", "less is left"),
    ):
        again = {**form, "to": "RF-other", "amount": wrong}
        assert why in told(press(operator, "orders_app_order_refund", order, **again))
    with_rules("approve-refund")
    waits = press(operator, "orders_app_order_refund", order, **{**form, "to": "RF-waits", "amount": "200"})
    assert "waits for an approval" in told(waits)
    hold = Hold.objects.get(order__fingerprint="RF-waits")
    approval = page_of(people.client("approver"), "orders_app_approval_change", hold.pk)
    assert "$200.00" in approval
    assert "Under way or in doubt" in approval
    # Its customer is that of the order, who was refunded before.
    relay()
    while ties_draw():
        pass
    assert [(one.name, one.refunded) for one in related_orders(hold)] == [(name, True)]
    assert shops_past(hold).refunded == 1
    # The page of the refund tells whose money it is.
    assert name in page_of(operator, "orders_app_order_change", hold.order_id)
    assert ledger(name) == (40_000, 1_250, 20_000)


def test_what_is_in_doubt_is_settled_by_who_looked_it_up(
    shop: Shop, gateway: Gateway, people: People
) -> None:
    name = charged_order(shop, gateway)
    boss = people.client()
    for number, (button, after) in enumerate((("unpaid", (10_000, 0, 0)), ("paid", (10_000, 3_000, 0)))):
        gateway.script["refund_card"] = [GONE, *[404] * 9]
        shop.dispatch(refund(name, 3_000, payload={"refund_id": f"rf-{button}-{number}"}))
        settle(6)
        doubted = Order.objects.get(fingerprint=f"rf-{button}-{number}")
        early = shop.post(f"/v1/orders/{doubted.fingerprint}/settle", {**SCOPE, "paid": True})
        assert (early.status_code, early.json()["code"]) == (409, "NOT_IN_DOUBT")
        assert shop.post(f"/v1/orders/{doubted.fingerprint}/cancel", SCOPE).status_code == 200
        settle(2)
        assert ledger(name)[2] == 3_000
        assert [finding.state for finding in refunds()] == ["warn"]
        assert "It was paid" in page_of(boss, "orders_app_order_change", doubted.pk)
        assert "counts as" in told(press(boss, f"orders_app_order_{button}", doubted))
        assert ledger(name) == after
        again = shop.post(f"/v1/orders/{doubted.fingerprint}/settle", {**SCOPE, "paid": True})
        assert again.status_code == 409
    detail = shop.scoped(f"/v1/events/{name}")
    assert (detail["ledger"]["left_cents"], detail["ledger"]["refunded_cents"]) == (7_000, 3_000)
    assert [one["refund"] for one in detail["ledger"]["refunds"]] == ["paid", "released"]
    assert shop.scoped("/v1/events/rf-paid-1")["refund"] == {
        "of": name,
        "amount_cents": 3_000,
        "refund": "paid",
    }
    assert shop.post(f"/v1/orders/{name}/settle", {**SCOPE, "paid": True}).status_code == 409
    assert shop.post(f"/v1/orders/{name}/settle", SCOPE).status_code == 422


@pytest.mark.parametrize(
    ("typed", "currency", "units"),
    [
        ("58.00", "USD", 5_800),
        ("1,200", "USD", 120_000),
        ("1,234,567.8", "USD", 123_456_780),
        (" 5800 ", "JPY", 5_800),
        ("1.234", "KWD", 1_234),
        (".5", "EUR", 50),
    ],
)
def test_what_somebody_types_counts_in_the_units_of_the_currency(
    typed: str, currency: str, units: int
) -> None:
    assert amount_typed(typed, DECIMALS[currency]) == units


@pytest.mark.parametrize(
    ("typed", "currency"),
    [
        ("58.00", "JPY"),
        ("5.001", "USD"),
        ("12,50", "EUR"),
        ("1,20", "JPY"),
        ("1,2345", "USD"),
        (",500", "USD"),
        (".", "USD"),
        ("-5", "USD"),
        ("1e3", "USD"),
        ("", "USD"),
        ("٣", "USD"),
        ("9" * 30, "USD"),
    ],
)
def test_an_amount_that_the_currency_cannot_pay_is_refused(typed: str, currency: str) -> None:
    with pytest.raises(AppError, match="must be an amount"):
        amount_typed(typed, DECIMALS[currency])
