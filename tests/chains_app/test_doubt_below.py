"""A doubt inside a sub-chain or a branch is a doubt of the order: it is not placed again."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base import config_versions
from chains_app.services.definitions import chains_save
from orders_app.models import Order
from tests.chains_app.gateway import GONE, Gateway, charging, decide, incident, settle
from tests.world import NAMESPACE, Shop, tag

TRIGGER = {"action_type": "place_order", "namespace": NAMESPACE}
PAY = {
    "name": "pay",
    "provider": "payment-gateway",
    "action_type": "charge_card",
    "on_unknown": "park",
    "compensate": {"provider": "payment-gateway", "action_type": "refund_card"},
}
BRANCHES = {"steps": [{"name": "paying", "sub_chain": "inner"}], "join": "all", "on_failure": "fail_fast"}


@pytest.mark.parametrize(
    "below", [{"sub_chain": "inner"}, {"parallel": BRANCHES}], ids=["sub-chain", "branch"]
)
@pytest.mark.parametrize("on_failure", ["abort", "skip"])
def test_what_a_person_left_in_doubt_below_the_order_keeps_its_name(
    shop: Shop, gateway: Gateway, below: dict[str, Any], on_failure: str
) -> None:
    charging(gateway)
    # What comes after a step that was left out is refused.
    gateway.script = {"charge_card": [GONE], "after": [400] * 9}
    after = {"name": "after", "provider": "warehouse", "action_type": "after"}
    steps = [{"name": "step", **below, "on_failure": on_failure}, after]
    inner = {"name": "inner", "steps": [PAY]}
    chains_save(specs=[inner, {"name": "order-processing", "trigger": TRIGGER, "steps": steps}], actor="test")
    config_versions.reset()
    assert tag(shop.place(payload={"order_id": "one"})) == "Executed"
    settle(4)
    assert (incident().reason, incident().step) == ("unknown_outcome", "pay")
    assert decide(shop, "cancel").status_code == 200
    settle()
    assert (Order.objects.get().status, Order.objects.get().living) == ("failed", True)
    assert tag(shop.place(payload={"order_id": "one"})) == "Deduplicated"
