"""Whatever happens to an order and its refunds, in whatever order: never more is given back than was charged."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chains_app.models import Incident
from chains_app.services.advance import runs_sweep
from orders_app.models import Order
from orders_app.states import RefundState
from tests.chains_app.gateway import GONE, Gateway, charging, settle
from tests.depth import examples
from tests.orders_app.refunding import load_returns, refund, with_rules
from tests.world import SCOPE, Shop, tag

CHARGE = 20_000  # from 10,000 on a refund waits for an approval
AMOUNTS = st.sampled_from([1, 5_000, 9_999, 10_000, 20_000])
SETTLED = {"done": ("skip", "done"), "not done": ("skip", "not_done"), "asked again": ("retry", "")}
STEPS = st.one_of(
    st.tuples(st.just("refund"), AMOUNTS),
    st.tuples(st.just("refund"), AMOUNTS),
    st.tuples(st.just("provider answers"), st.sampled_from([402, 429, 500, GONE])),
    st.tuples(st.just("time passes"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["approve", "reject", "cancel refund", "cancel order"]), st.just("")),
    st.tuples(st.just("person"), st.sampled_from(sorted(SETTLED))),
    st.tuples(st.just("books say"), st.booleans()),
)
_numbers = itertools.count(1)


@pytest.fixture
def shop(db: None) -> Shop:
    return load_returns()


class World:
    """One order and what is done to it. `refunds` are the names of those that were accepted."""

    def __init__(self, shop: Shop, gateway: Gateway) -> None:
        self.shop, self.gateway = shop, gateway
        self.name = f"machine-{next(_numbers)}"
        self.refunds: list[Any] = []
        gateway.script.clear()
        placed = shop.place(payload={"order_id": self.name, "total_cents": CHARGE})
        assert tag(placed) == "Executed"

    def step(self, what: str, how: Any) -> None:
        if what == "refund":
            action = refund(self.name, how)
            outcome = self.shop.dispatch(action).json()
            if tag(outcome) in ("Executed", "PendingApproval"):
                self.refunds.append((action["payload"]["refund_id"], outcome))
        elif what == "provider answers":
            self.gateway.script.setdefault("refund_card", []).append(how)
        elif what == "time passes":
            settle(how)
        elif what == "cancel order":
            self.shop.post(f"/v1/orders/{self.name}/cancel", SCOPE)
        elif what == "person":
            self.person(*SETTLED[how])
        elif self.refunds:
            self.to_a_refund(what, how)

    def person(self, verb: str, outcome: str) -> None:
        found = Incident.objects.filter(resolved_at=None).order_by("opened_at").first()
        if found is not None:
            self.shop.post(f"/v1/incidents/{found.pk}/{verb}", {"outcome": outcome} if outcome else {})

    def to_a_refund(self, what: str, how: Any) -> None:
        name, outcome = self.refunds[-1]
        if what == "cancel refund":
            self.shop.post(f"/v1/orders/{name}/cancel", SCOPE)
        elif what == "books say":
            self.shop.post(f"/v1/orders/{name}/settle", {**SCOPE, "paid": how})
        elif tag(outcome) == "PendingApproval":
            url = outcome["PendingApproval"][f"{what}_url"]
            self.shop.client.post("/v1/" + url.partition("/v1/")[2])

    def holds(self) -> None:
        order = Order.objects.get(fingerprint=self.name)
        assert 0 <= order.refunded + order.reserved <= (order.charged or 0)
        rows = Order.objects.filter(refund_of=order).values_list("refund_state", "refund_amount")
        sums = dict.fromkeys(RefundState.values, 0)
        for state, amount in rows:
            sums[state] += amount or 0
        assert (sums["paid"], sums["reserved"]) == (order.refunded, order.reserved)
        if order.status == "cancelled" and not order.living:
            assert (order.charged or 0, order.refunded, order.reserved) == (0, 0, 0)


@settings(max_examples=examples(5), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
def test_no_order_of_events_gives_back_more_than_was_charged(
    shop: Shop, gateway: Gateway, steps: list[tuple[str, Any]]
) -> None:
    charging(gateway)
    with_rules("approve-refund")
    world = World(shop, gateway)
    for what, how in steps:
        world.step(what, how)
        world.holds()
    gateway.script.clear()
    settle(3)
    runs_sweep()
    world.holds()
