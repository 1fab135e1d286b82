"""/v1/subscribe: one chain, group or action, told from its beginning to its end."""

from __future__ import annotations

import pytest

from audit_app.services.relay import relay
from tests.audit_app.serving import Service
from tests.audit_app.test_stream import key, tell

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("audit_app.api.urls")]


def test_a_subscription_tells_the_history_and_ends_with_its_chain(service: Service) -> None:
    tell(chain_id="c-1", outcome={"Executed": {}})
    tell(
        "chain_step_completed", chain_id="c-1", step_name="charge", step_index=1, success=True, next_step=None
    )
    relay()
    reader = service.read("/v1/subscribe/chain/c-1?namespace=ecommerce&tenant=acme-store", X_API_Key=key())
    reader.wait_for(2)
    tell("chain_completed", chain_id="c-1", status="completed", execution_path=["charge"])
    tell()
    relay()
    assert reader.ended.wait(30)
    assert [frame.event for frame in reader.frames] == [
        "action_dispatched",
        "chain_step_completed",
        "chain_completed",
        "subscription_end",
    ]
    assert reader.frames[-1].data["reason"] == "completed"
    assert reader.frames[-1].data["entity_id"] == "c-1"


def test_a_subscription_to_what_is_over_ends_at_once(service: Service) -> None:
    tell(outcome={"Suppressed": {"rule": "r"}})
    relay()
    with_history = service.read("/v1/subscribe/action/order-1", X_API_Key=key())
    without = service.read("/v1/subscribe/action/order-1?include_history=false", X_API_Key=key())
    assert with_history.ended.wait(30)
    assert without.ended.wait(30)
    assert [frame.event for frame in with_history.frames] == ["action_dispatched", "subscription_end"]
    assert [frame.event for frame in without.frames] == ["subscription_end"]


def test_an_action_ends_with_the_chain_that_executes_it(service: Service) -> None:
    reader = service.read("/v1/subscribe/action/order-1", X_API_Key=key())
    tell(outcome={"PendingApproval": {"approval_id": "a"}})
    tell("approval_resolved", approval_id="a", decision="approved")
    tell(chain_id="c-1", outcome={"Executed": {"status": "success", "body": {}, "headers": {}}})
    tell("chain_completed", chain_id="sub", status="completed", execution_path=[])
    tell("chain_completed", chain_id="c-1", status="failed", execution_path=[])
    relay()
    assert reader.ended.wait(30)
    assert len(reader.frames) == 6
    assert reader.frames[-1].data["reason"] == "failed"


@pytest.mark.parametrize("decision", ["rejected", "expired", "cancelled"])
def test_an_action_ends_with_an_approval_that_does_not_let_it_go_on(service: Service, decision: str) -> None:
    tell(outcome={"PendingApproval": {"approval_id": "a"}})
    tell("approval_resolved", approval_id="a", decision=decision)
    relay()
    reader = service.read("/v1/subscribe/action/order-1", X_API_Key=key())
    assert reader.ended.wait(5)
    assert reader.frames[-1].data["reason"] == decision


def test_a_state_of_its_lifecycle_ends_no_action_whatever_its_name(service: Service) -> None:
    names = {"fingerprint": "order-1", "state_machine": "returns", "previous_status": "scheduled"}
    reader = service.read("/v1/subscribe/action/order-1", X_API_Key=key())
    tell("action_status_changed", new_status="cancelled", **names)
    tell(outcome={"Suppressed": {"rule": "r"}})
    relay()
    assert reader.ended.wait(30)
    assert reader.frames[-1].data["reason"] == "suppressed"


def test_a_subscription_shows_nothing_of_another_tenant(service: Service) -> None:
    tell(
        "chain_step_completed", chain_id="c-1", step_name="charge", step_index=1, success=True, next_step=None
    )
    relay()
    reader = service.read("/v1/subscribe/chain/c-1", X_API_Key=key(tenants=["other-store"]))
    assert reader.status == 404


def test_a_subscription_to_a_group_tells_what_comes_into_it_and_ends_with_its_call(service: Service) -> None:
    came = {"Grouped": {"group_id": "g-1", "group_size": 1, "notify_at": "2026-03-04T16:00:00Z"}}
    tell(group_id="g-1", outcome=came)
    tell(group_id="g-2", outcome=came)
    relay()
    reader = service.read("/v1/subscribe/group/g-1", X_API_Key=key())
    reader.wait_for(1)
    sent = {"group_key": "k", "event_count": 1, "status": "flushed"}
    tell("group_flushed", group_id="g-1", **sent)
    relay()
    assert reader.ended.wait(5)
    assert [frame.event for frame in reader.frames] == [
        "action_dispatched",
        "group_flushed",
        "subscription_end",
    ]
    last = reader.frames[-1].data
    assert (last["entity_type"], last["group_id"], last["reason"]) == ("group", "g-1", "flushed")
    assert reader.frames[1].data["group_id"] == "g-1"
    late = service.read("/v1/subscribe/group/g-1?include_history=false", X_API_Key=key())
    assert late.ended.wait(5)
