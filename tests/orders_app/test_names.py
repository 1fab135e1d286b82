"""Names of orders: what looks the same is the same, or is refused with the reason."""

from __future__ import annotations

import pytest

from acteon_site.base.names import identity_problem, spellings
from orders_app.models import Action, Order, RememberedAnswer
from tests.world import Shop, order, tag

NFC, NFD = "Caf\u00e9-1", "Cafe\u0301-1"
ALIKE = {
    "": "1 to 256 characters",
    " ": "white space",
    " ORD-1": "white space",
    "ORD-1\u00a0": "white space",
    "ORD-1\u2028": "white space",
    "ORD\u00a01": "blanks",
    "ORD\u30001": "blanks",
    "ORD\u200b-1": "invisible",
    "ORD\u00ad-1": "invisible",
    "\ufeffORD-1": "invisible",
    "ORD-1\u202e": "invisible",
    "ORD-1\ufe0f": "invisible",
    "ORD-1\U000e0100": "invisible",
    "ORD\u034f-1": "invisible",
    "ORD\u3164-1": "invisible",
    "ORD\u2800-1": "invisible",
    "ORD\t1": "invisible",
    NFD: "NFC",
    "\u212b": "NFC",
}


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.parametrize("field", ["payload.order_id", "fingerprint", "dedup_key", "id"])
def test_a_name_that_looks_like_another_is_refused_with_the_reason(shop: Shop, field: str, name: str) -> None:
    changes = {"payload": {"order_id": name}} if field == "payload.order_id" else {field: name}
    answer = shop.dispatch(order(**changes), HTTP_IDEMPOTENCY_KEY="k")
    (problem,) = answer.json()["details"]
    assert (answer.status_code, problem["field"]) == (422, field)
    assert ALIKE[name] in problem["message"]
    assert not Order.objects.exists()
    assert not Action.objects.exists()
    assert not RememberedAnswer.objects.exists()


def test_an_order_id_beside_a_fingerprint_is_looked_at_too(shop: Shop) -> None:
    answer = shop.dispatch(order(fingerprint="f-1", payload={"order_id": ""}))
    assert answer.json()["details"][0]["field"] == "payload.order_id"


@pytest.mark.parametrize("name", [NFC, "ORD 1", "注文-1", "заказ/1", "a:b", "\U0001f6d2-1"])
def test_names_of_all_tongues_are_names(shop: Shop, name: str) -> None:
    assert tag(shop.dispatch(order(payload={"order_id": name})).json()) == "Executed"
    assert shop.dispatch(order(payload={"order_id": name})).json() == "Deduplicated"


def test_without_an_order_id_the_actions_id_names_the_order(shop: Shop) -> None:
    for given in (None, ...):
        action = order(payload={"order_id": given})
        if given is ...:
            del action["payload"]["order_id"]
        assert shop.dispatch(action).json()["Executed"]["body"]["order_id"] == action["id"]


def test_a_batch_refuses_such_an_item_alone(shop: Shop) -> None:
    items = shop.batch([order(payload={"order_id": NFD}), order(payload={"order_id": NFC})]).json()
    assert [tag(item) for item in items] == ["error", "Executed"]


def test_spellings_of_plain_names_are_one() -> None:
    assert spellings("ORD-1") == ["ORD-1"]
    assert set(spellings(NFC)) == set(spellings(NFD)) == {NFC, NFD}
    assert identity_problem(NFC) is None
