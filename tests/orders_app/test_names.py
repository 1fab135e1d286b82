"""Names of orders: what looks the same is the same, or is refused with the reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from acteon_site.base.names import identity_problem, spellings
from audit_app.models import RetentionPolicy
from audit_app.services.reaper import reap
from chains_app.services.advance import runs_sweep
from orders_app.models import Action, Hold, Order, RememberedAnswer
from orders_app.services.releases import holds_sweep
from rules_app.models import GateRow, Rule
from tests.world import CLOSED_HOURS, SCOPE, Shop, order, publish_rules, tag

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


def renamed(shop: Shop, **more: Any) -> None:
    """An order as it was stored while decomposed names were taken."""
    shop.dispatch(
        order(id="old", dedup_key="old", payload={"order_id": NFC, **more.pop("payload", {})}), **more
    )
    stored = Action.objects.get()
    stored.body["payload"]["order_id"] = NFD
    stored.save()
    Order.objects.update(fingerprint=NFD)
    Hold.objects.update(context={"caller_id": "c", "auth_method": "api_key", "request_id": "r"})


def test_an_order_with_a_name_from_before_is_not_placed_again(shop: Shop) -> None:
    renamed(shop)
    assert shop.dispatch(order(payload={"order_id": NFC})).json() == "Deduplicated"
    assert shop.dispatch(order(fingerprint=NFC)).json() == "Deduplicated"
    assert Order.objects.count() == 1


def test_it_is_found_moved_and_cancelled_under_either_form(shop: Shop) -> None:
    renamed(shop)
    for name in (NFC, NFD):
        assert shop.scoped(f"/v1/events/{name}")["fingerprint"] == NFD
    assert shop.put(f"/v1/events/{NFC}/transition", {**SCOPE, "to": "confirmed"}).status_code == 200
    assert shop.put(f"/v1/events/{NFD}/transition", {**SCOPE, "to": "shipped"}).status_code == 200
    assert shop.scoped("/v1/events/Cafe-1")["code"] == "NOT_FOUND"


def test_held_under_a_name_from_before_it_has_its_answer_and_is_released(shop: Shop) -> None:
    Rule.objects.filter(name="schedule-after-hours").update(priority=0)
    publish_rules()
    renamed(shop, now=CLOSED_HOURS)
    assert tag(shop.dispatch(order(payload={"order_id": NFC}), now=CLOSED_HOURS).json()) == "Scheduled"
    Rule.objects.filter(name="schedule-after-hours").update(enabled=False)
    publish_rules()
    Hold.objects.update(
        due_at=F("due_at") - timedelta(days=9), next_run_at=F("next_run_at") - timedelta(days=9)
    )
    holds_sweep()
    runs_sweep()
    assert [(row.fingerprint, row.status) for row in Order.objects.all()] == [(NFD, "completed")]


def test_reaped_it_is_still_known(shop: Shop) -> None:
    renamed(shop)
    runs_sweep()
    Order.objects.update(finished_at=F("created_at") - timedelta(days=900))
    GateRow.objects.all().delete()
    RetentionPolicy.objects.create(**SCOPE, event_ttl_seconds=1)
    reap()
    assert not Order.objects.exists()
    assert shop.dispatch(order(payload={"order_id": NFC})).json() == "Deduplicated"


def test_spellings_of_plain_names_are_one() -> None:
    assert spellings("ORD-1") == ["ORD-1"]
    assert set(spellings(NFC)) == set(spellings(NFD)) == {NFC, NFD}
    assert identity_problem(NFC) is None
