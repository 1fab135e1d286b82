"""Refunds that ended, and are to go on again."""

from __future__ import annotations

import pytest

from acteon_site.base import config_versions
from chains_app.models import ChainDefinition, ChainVersion, Run
from chains_app.services.definitions import chain_save
from orders_app.models import Order
from tests.chains_app.gateway import GONE, Gateway, settle
from tests.orders_app.refunding import CHARGED, charged_order, ledger, load_returns, refund
from tests.world import SCOPE, Shop, tag


@pytest.fixture
def shop(db: None) -> Shop:
    return load_returns()


def test_a_failed_refund_that_goes_on_reserves_anew_or_is_refused(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway)
    gateway.script["refund_card"] = [402]
    failed = shop.dispatch(refund(name, 7_000)).json()["Executed"]["body"]["chain_id"]
    settle(3)
    assert tag(shop.dispatch(refund(name, 4_000)).json()) == "Executed"
    again = shop.post(f"/v1/chains/{failed}/retry", SCOPE)
    assert (again.status_code, again.json()["code"]) == (409, "REFUND_OVER_REST")
    assert ledger(name) == (CHARGED, 0, 4_000)
    gateway.script["refund_card"] = [402]
    settle(3)
    assert ledger(name) == (CHARGED, 0, 0)
    assert shop.post(f"/v1/chains/{failed}/retry", SCOPE).status_code == 200
    assert ledger(name) == (CHARGED, 0, 7_000)
    settle(3)
    assert ledger(name) == (CHARGED, 7_000, 0)


def test_a_refund_that_counts_as_paid_is_not_sent_again(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway)
    ChainDefinition.objects.filter(name="refund-processing").update(
        enabled=False
    )  # one call, without a chain
    config_versions.reset()
    gateway.script["refund_order"] = [GONE, *[404] * 9]
    shop.dispatch(refund(name, 3_000, payload={"refund_id": "rf-doubt"}))
    settle(6)
    doubted = Order.objects.get(fingerprint="rf-doubt")
    assert (doubted.status, ledger(name)) == ("failed", (CHARGED, 0, 3_000))
    assert shop.post("/v1/orders/rf-doubt/settle", {**SCOPE, "paid": True}).status_code == 200
    gateway.script["refund_order"] = []
    calls = len(gateway.calls("refund_order"))
    again = shop.post(f"/v1/chains/{doubted.run_id}/retry", {**SCOPE, "outcome": "not_done"})
    assert (again.status_code, again.json().get("code")) == (409, "REFUND_PAID")
    settle(3)
    assert len(gateway.calls("refund_order")) == calls
    assert ledger(name) == (CHARGED, 3_000, 0)


def test_what_failed_behind_a_paid_refund_goes_on_without_paying_again(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway)
    spec = ChainVersion.objects.filter(definition__name="refund-processing").latest("number").spec
    steps = [{**step, "point_of_no_return": False} for step in spec["steps"]]  # else it parks
    chain_save(spec={**spec, "steps": steps}, actor="test")
    config_versions.reset()
    gateway.script["restock_items"] = [402]
    paid = shop.dispatch(refund(name, 3_000)).json()["Executed"]["body"]["chain_id"]
    settle(3)
    assert Run.objects.get(pk=paid).status == "failed"
    assert ledger(name) == (CHARGED, 3_000, 0)
    assert shop.post(f"/v1/chains/{paid}/retry", SCOPE).status_code == 200
    settle(3)
    assert Run.objects.get(pk=paid).status == "completed"
    assert len(gateway.calls("refund_card")) == 1
    assert ledger(name) == (CHARGED, 3_000, 0)


def test_a_refund_that_was_found_not_to_be_paid_may_be_sent_again_under_its_name(
    shop: Shop, gateway: Gateway
) -> None:
    name = charged_order(shop, gateway)
    gateway.script["refund_card"] = [GONE, *[404] * 9]
    action = refund(name, 3_000, payload={"refund_id": "rf-doubt"})
    assert tag(shop.dispatch(action).json()) == "Executed"
    settle(6)
    assert shop.post("/v1/orders/rf-doubt/cancel", SCOPE).status_code == 200
    settle(2)
    assert tag(shop.dispatch(action).json()) == "Deduplicated"
    assert shop.post("/v1/orders/rf-doubt/settle", {**SCOPE, "paid": False}).status_code == 200
    gateway.script["refund_card"] = []
    assert tag(shop.dispatch({**action, "id": "again"}).json()) == "Executed"
    settle(2)
    assert ledger(name) == (CHARGED, 3_000, 0)
    action = refund(name, 1_000, dedup_key="shop-7", payload={"refund_id": "rf-same"})
    gateway.script["refund_card"] = [GONE, *[404] * 9]
    assert tag(shop.dispatch(action).json()) == "Executed"
    settle(6)
    assert shop.post("/v1/orders/rf-same/cancel", SCOPE).status_code == 200
    settle(2)
    assert shop.post("/v1/orders/rf-same/settle", {**SCOPE, "paid": False}).status_code == 200
    gateway.script["refund_card"] = []
    assert tag(shop.dispatch(action).json()) == "Executed"


def test_a_refund_in_doubt_is_settled_at_its_ledger_and_not_at_its_run(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway)
    gateway.script["refund_card"] = [GONE, *[404] * 9]
    action = refund(name, 3_000, payload={"refund_id": "rf-doubt"})
    run = shop.dispatch(action).json()["Executed"]["body"]["chain_id"]
    settle(6)
    assert shop.post("/v1/orders/rf-doubt/cancel", SCOPE).status_code == 200
    settle(2)
    found = {**SCOPE, "outcome": "not_done"}
    for path in (f"/v1/chains/{run}/settle", "/v1/orders/rf-doubt/settle"):
        refused = shop.post(path, found)
        assert (refused.status_code, refused.json()["code"]) == (409, "IS_A_REFUND")
    assert ledger(name) == (CHARGED, 0, 3_000)
    assert shop.post("/v1/orders/rf-doubt/settle", SCOPE).status_code == 422
    assert shop.post("/v1/orders/rf-doubt/settle", {**SCOPE, "paid": False}).status_code == 200
    assert ledger(name) == (CHARGED, 0, 0)
