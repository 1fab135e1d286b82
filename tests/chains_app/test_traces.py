"""A request's trace goes with its order: to each provider, through holds and compensations, and into the trail."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base.tracing import traceparent_of
from audit_app.models import AuditRecord
from tests.chains_app.gateway import Gateway, charging, settle, start, undoable
from tests.chains_app.test_metrics import follow
from tests.world import SCOPE, Shop, order, tag

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def sent(gateway: Gateway, name: str = "traceparent") -> list[str | None]:
    return [said.headers.get(name) for said in gateway.peer.said]


def trails(**about: Any) -> set[str | None]:
    return {record.metadata.get("traceparent") for record in AuditRecord.objects.filter(**about)}


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "00",
        GIVEN.upper(),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"{GIVEN}-more",
        f"{GIVEN},{OTHER}",
        f"{GIVEN}\n",
        "x" * 70_000,
        7,
        None,
    ],
)
def test_what_is_no_traceparent_by_the_specification_is_ignored(bad: Any) -> None:
    assert traceparent_of(bad) == ""


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert traceparent_of(f"01-{TRACE}-00f067aa0ba902b7-01-what-comes") == GIVEN


@pytest.mark.django_db
def test_each_call_of_an_order_carries_its_trace_and_the_trail_keeps_it(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    gateway.script = {"charge_card": [503, 200]}
    headers = {"HTTP_TRACEPARENT": GIVEN, "HTTP_TRACESTATE": "vendor=1"}
    assert tag(shop.dispatch(order(), **headers).json()) == "Executed"
    settle(4)
    assert len(sent(gateway)) >= 3
    assert set(sent(gateway)) == {GIVEN}
    assert set(sent(gateway, "tracestate")) == {"vendor=1"}
    assert trails(outcome="executed") == {GIVEN}
    record = shop.audit(outcome="executed")[0]
    assert record["metadata"]["traceparent"] == GIVEN


@pytest.mark.django_db
def test_what_an_action_says_itself_goes_before_its_requests_header(shop: Shop, gateway: Gateway) -> None:
    own = {
        **SCOPE,
        "provider": "peer",
        "action_type": "ping",
        "payload": {},
        "trace_context": {"traceparent": OTHER},
    }
    assert tag(shop.dispatch(own, HTTP_TRACEPARENT=GIVEN).json()) == "Executed"
    wrong = {**own, "trace_context": {"traceparent": "nonsense", "kept": True}}
    assert tag(shop.dispatch(wrong, HTTP_TRACEPARENT=GIVEN).json()) == "Executed"
    strange = {**own, "trace_context": ["anything"]}
    assert tag(shop.dispatch(strange, HTTP_TRACEPARENT=GIVEN).json()) == "Executed"
    assert sent(gateway) == [OTHER, GIVEN, None]


@pytest.mark.django_db
def test_a_bad_header_and_none_leave_no_trace(shop: Shop, gateway: Gateway) -> None:
    plain = {**SCOPE, "provider": "peer", "action_type": "ping", "payload": {}}
    shop.dispatch(plain, HTTP_TRACEPARENT="00-evil\r\nX-Injected: 1-00f067aa0ba902b7-01")
    shop.dispatch(plain)
    assert sent(gateway) == [None, None]
    assert trails(outcome="executed") == {None}


@pytest.mark.django_db
def test_a_held_order_keeps_its_trace_until_it_is_released(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    high = order(payload={"total_cents": 60_000})
    held = shop.dispatch(high, HTTP_TRACEPARENT=GIVEN).json()["PendingApproval"]
    follow(held["approve_url"])
    settle(4)
    assert "charge_card" in [body["action_type"] for body in gateway.calls()]
    assert set(sent(gateway)) == {GIVEN}
    assert trails(outcome__in=("pending_approval", "executed")) == {GIVEN}


@pytest.mark.django_db
def test_a_compensation_belongs_to_the_same_trace(shop: Shop, gateway: Gateway) -> None:
    gateway.script = {"do_second": [400]}
    shop.client.credentials(HTTP_AUTHORIZATION=f"Bearer {shop.secret}", HTTP_TRACEPARENT=GIVEN)
    start(shop, undoable("first"), undoable("second"))
    settle(3)
    assert [body["action_type"] for body in gateway.calls()][-1] == "undo_first"
    assert set(sent(gateway)) == {GIVEN}
