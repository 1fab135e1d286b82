"""Orders as evidence, and the buttons for the moves that are open to them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audit_app.services.relay import relay
from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from orders_app.models import Hold, Order
from tests.people import PRIVATE, People, held, page_of, press, told
from tests.world import Shop

LIST, PAGE, MOVE, CANCEL = (f"orders_app_order_{page}" for page in ("changelist", "change", "move", "cancel"))


@pytest.fixture
def order(shop: Shop) -> Order:
    """A plain order whose chain has run to its end."""
    shop.place(payload={"order_id": "o-1"})
    runs_sweep()
    return Order.objects.get()


def test_the_page_shows_state_payload_chain_and_trail_without_the_card(order: Order, people: People) -> None:
    page = page_of(people.client("viewer"), PAGE, order.pk)
    for seen in (
        "o-1",
        "$79.99",
        "<svg",
        'class="gw-state gw-current"',
        "order-processing",
        "notify-customer",
        "step charge completed",
    ):
        assert seen in page
    assert "[REDACTED]" in page
    assert not any(secret in page for secret in PRIVATE)


def test_a_move_is_made_by_its_button_and_stands_in_the_history(order: Order, people: People) -> None:
    client = people.client("operator")
    assert "Mark as confirmed" in page_of(client, PAGE, order.pk)
    assert "The order is confirmed now" in told(press(client, MOVE, order, to="confirmed"))
    page = page_of(client, PAGE, order.pk)
    assert "Mark as shipped" in page
    assert "Mark as confirmed" not in page
    move = order.moves.get()
    assert (move.from_state, move.to_state, move.actor) == ("placed", "confirmed", "operator")


@pytest.mark.parametrize(
    ("to", "words"),
    [("delivered", "placed cannot become delivered"), ("lost", "is no state"), ("", "is no state")],
)
def test_a_move_that_is_not_allowed_is_refused_in_words(
    order: Order, people: People, to: str, words: str
) -> None:
    assert words in told(press(people.client("operator"), MOVE, order, to=to))
    order.refresh_from_db()
    assert order.state == "placed"


def test_an_order_that_waits_can_be_cancelled_but_not_moved(shop: Shop, people: People) -> None:
    held(shop)
    order, client = Order.objects.get(), people.client("operator")
    page = page_of(client, PAGE, order.pk)
    assert "Cancel the order" in page
    assert "Mark as" not in page
    assert reverse("admin:orders_app_approval_change", args=[Hold.objects.get().pk]) in page
    assert "the order is held and does not move" in told(press(client, MOVE, order, to="confirmed"))
    assert "Cancelled" in told(press(client, CANCEL, order))
    order.refresh_from_db()
    assert (order.status, order.reason) == ("cancelled", "cancelled by operator")


def test_an_order_under_way_has_its_chain_stopped(shop: Shop, people: People) -> None:
    shop.place()
    order = Order.objects.get()
    assert "Cancelled" in told(press(people.client("operator"), CANCEL, order))
    run = Run.objects.get(pk=order.run_id)
    assert run.cancelled_by == "operator"


def test_a_cancel_keeps_the_reason_that_was_typed(shop: Shop, people: People) -> None:
    shop.place(payload={"order_id": "o-1"})
    held(shop)
    client = people.client("operator")
    for order in Order.objects.all():
        assert 'name="reason"' in page_of(client, PAGE, order.pk)
        press(client, CANCEL, order, reason="the customer called")
    runs_sweep()
    assert Run.objects.get(kind="chain").cancel_reason == "the customer called"
    waited, ran = Order.objects.get(fingerprint="big-1"), Order.objects.get(fingerprint="o-1")
    assert (waited.status, waited.reason) == ("cancelled", "the customer called")
    assert ran.status == "cancelled"
    assert "chain cancelled: the customer called" in page_of(client, PAGE, ran.pk)


def test_it_is_too_late_to_cancel_what_is_done(order: Order, people: People) -> None:
    client = people.client("operator")
    assert "Cancel the order" not in page_of(client, PAGE, order.pk)
    assert "completed and cannot be cancelled" in told(press(client, CANCEL, order))


def test_an_older_order_of_the_same_name_is_history(shop: Shop, people: People) -> None:
    client = people.client("operator")
    held(shop)
    old = Order.objects.get()
    press(client, CANCEL, old)
    shop.place(payload={"order_id": "big-1"})
    new = Order.objects.get(living=True)
    assert "Yes, " not in page_of(client, PAGE, old.pk)
    assert "Mark as confirmed" in page_of(client, PAGE, new.pk)
    assert "placed anew" in told(press(client, MOVE, old, to="confirmed"))
    new.refresh_from_db()
    assert new.state == "placed"


@pytest.mark.parametrize("group", ["viewer", "approver", "rule editor"])
def test_who_may_not_change_orders_sees_no_buttons(order: Order, people: People, group: str) -> None:
    client = people.client(group)
    assert "Mark as" not in page_of(client, PAGE, order.pk)
    assert press(client, MOVE, order, to="confirmed").status_code == 403
    assert press(client, CANCEL, order).status_code == 403
    assert not order.moves.exists()


def test_the_list_searches_names_exactly_and_filters_by_tenant_and_state(shop: Shop, people: People) -> None:
    for name in ("o-1", "O-1", "o-10"):
        shop.place(payload={"order_id": name})
    relay()
    client = people.client("operator")
    press(client, MOVE, Order.objects.get(fingerprint="o-10"), to="confirmed")

    def found(**query: str) -> set[str]:
        rows = client.get(reverse(f"admin:{LIST}"), query).context["cl"].result_list
        return {row.fingerprint for row in rows}

    assert found(q="o-1") == {"o-1"}
    assert found(q="o") == set()
    assert found(state="confirmed") == {"o-10"}
    assert found(scope="ecommerce:acme-store") == {"o-1", "O-1", "o-10"}
    assert found(scope="ecommerce:other") == set()


def test_orders_and_their_originals_are_never_edited(order: Order, people: People) -> None:
    client = people.client()
    for page in ("change", "delete"):
        path = reverse(f"admin:orders_app_order_{page}", args=[order.pk])
        assert client.post(path, {"state": "delivered", "post": "yes"}).status_code == 403
    for model in ("action", "rememberedanswer", "hold", "move"):
        assert client.get(f"/admin/orders_app/{model}/").status_code == 404
