"""Many refunds at once, and what runs beside them: nobody gives back more than was charged."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from acteon_site.base.clock import db_now
from chains_app.models import Run
from chains_app.services.advance import runs_advance, runs_sweep
from orders_app.models import Hold, Order
from orders_app.services.releases import holds_sweep
from orders_app.states import RefundState
from tests.chains_app.gateway import Gateway, charging, placed, settle
from tests.orders_app.refunding import charged_order, ledger, load_returns, refund, with_rules
from tests.threads import at_once
from tests.world import SCOPE, Shop, tag

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
CROWD = 20


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    return load_returns()


def _post(secret: str, path: str, body: Any) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_X_DEMO_NOW="2026-03-04T16:00:00Z")
    return client.post(path, body, format="json").json()


def asking(shop: Shop, action: Any) -> Any:
    return partial(_post, shop.secret, "/v1/dispatch", action)


def paid_back(gateway: Gateway) -> int:
    """By the provider's own books: each key once."""
    calls = [(said, said.headers["idempotency-key"]) for said in gateway.peer.said]
    sent = dict(zip((key for _, key in calls), gateway.calls(), strict=True))
    return sum(
        call["payload"].get("amount_cents", call["payload"].get("total_cents", 0))
        for call in sent.values()
        if call["action_type"] == "refund_card"
    )


def test_of_twenty_partial_refunds_at_once_so_many_pass_as_the_charge_covers(
    shop: Shop, gateway: Gateway
) -> None:
    name = charged_order(shop, gateway, cents=10_000)
    outcomes = at_once([asking(shop, refund(name, 900)) for _ in range(CROWD)])
    assert Counter(tag(outcome) for outcome in outcomes) == {"Executed": 11, "Failed": 9}
    settle(2)
    assert ledger(name) == (10_000, 9_900, 0)
    assert paid_back(gateway) == 9_900
    last = at_once([asking(shop, refund(name, 60)) for _ in range(4)])
    assert Counter(tag(outcome) for outcome in last) == {"Executed": 1, "Failed": 3}
    settle(2)
    assert ledger(name) == (10_000, 9_960, 0)


def test_a_cancel_and_a_refund_never_both_pay_back(shop: Shop, gateway: Gateway) -> None:
    """The order is cancelled, or it ships and is refunded; each round races from another place."""
    charging(gateway)
    for number in range(4):
        name = f"raced-{number}"
        gateway.script["ship_order"] = [429] * (number % 2)
        run = placed(shop, payload={"order_id": name, "total_cents": 10_000})
        if number > 1:
            runs_sweep()
        jobs = [
            asking(shop, refund(name, 10_000)),
            partial(_post, shop.secret, f"/v1/orders/{name}/cancel", SCOPE),
            asking(shop, refund(name, 10_000)),
            partial(runs_advance, [run.pk]),
        ]
        at_once(jobs)
        settle(4)
        assert tag(_post(shop.secret, "/v1/dispatch", refund(name, 10_001))) == "Failed"
        charged, refunded, reserved = ledger(name)
        order = Order.objects.get(fingerprint=name)
        assert reserved == 0
        assert charged == (0 if order.status == "cancelled" else 10_000), number
        assert refunded <= (charged or 0)
        keys = [key for key in gateway.keys("refund_card") if str(run.pk) in key]
        refunds = Order.objects.filter(refund_of=order, refund_state=RefundState.PAID).count()
        assert len(keys) + refunds <= 1


def test_waiting_refunds_that_are_approved_rejected_and_cancelled_at_once_leave_exact_sums(
    shop: Shop, gateway: Gateway
) -> None:
    name = charged_order(shop, gateway, cents=49_000)
    with_rules("approve-refund")
    waiting = [
        _post(shop.secret, "/v1/dispatch", refund(name, 12_000, payload={"refund_id": f"rf-w-{number}"}))
        for number in range(4)
    ]
    assert ledger(name) == (49_000, 0, 48_000)
    links = [one["PendingApproval"] for one in waiting]

    def decided(link: Any, word: str) -> Any:
        path = "/v1/" + link[f"{word}_url"].partition("/v1/")[2]
        return lambda: APIClient().post(path).json()

    jobs = [decided(link, word) for link in links[:3] for word in ("approve", "reject")]
    jobs += [partial(_post, shop.secret, "/v1/orders/rf-w-3/cancel", SCOPE)]
    jobs += [asking(shop, refund(name, 1_000)) for _ in range(3)]
    at_once(jobs)
    # An approval that met a rejection is released by the sweep.
    Hold.objects.filter(ended_at=None).update(next_run_at=db_now())
    holds_sweep()
    settle(4)
    rows = Order.objects.filter(refund_of__fingerprint=name)
    assert not rows.filter(refund_state=RefundState.RESERVED).exists()
    paid = sum(rows.filter(refund_state=RefundState.PAID).values_list("refund_amount", flat=True))
    assert ledger(name) == (49_000, paid, 0)
    assert paid_back(gateway) == paid
    assert Run.objects.filter(ended_at=None).count() == 0
