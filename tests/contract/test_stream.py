"""/v1/stream and /v1/subscribe: strict frames, another tenant's names, limits, and keys that fall."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from acteon_site.access.keys import api_key_create, api_key_revoke
from acteon_site.base import config_versions
from audit_app.api.views_stream import hub
from audit_app.models import AuditRecord, Event
from audit_app.services.relay import relay
from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from orders_app.models import Hold, Lifecycle, Order
from orders_app.services.groups import groups_sweep
from orders_app.services.releases import holds_sweep
from orders_app.services.transitions import orders_time_out
from tests.audit_app.serving import Reader, Service
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.strict import (
    Check,
    Shape,
    anything,
    boolean,
    filled,
    integer,
    listed,
    or_null,
    text,
    uuid,
)
from tests.contract.test_tenancy import everything_of
from tests.contract.walk import CANARY, MADE_UP
from tests.e2e.running import wait_until
from tests.orders_app.gathered import alert, group_rule
from tests.world import CLOSED_HOURS, NAMESPACE, Shop, order

# Frames --------------------------------------------------------------------------------------------------------


def streamed_outcome(value: Any, path: str) -> None:
    """As dispatch answers it, but for providers' answers (null, no headers) and links."""

    def check(answer: Any, at: str) -> None:
        assert answer["body"] is None, at
        assert answer["headers"] == {}, at

    if isinstance(value, dict):
        ((tag, content),) = value.items()
        if tag == "Executed":
            check(content, path)
        elif tag == "Rerouted":
            check(content["response"], path)
        elif tag == "PendingApproval":
            assert content["approve_url"] == content["reject_url"] == "[redacted]"
        assert tag in shapes.OUTCOMES
    else:
        assert value == "Deduplicated"


FRAMES: dict[str, dict[str, Check]] = {
    "action_dispatched": {"outcome": streamed_outcome, "provider": filled},
    "approval_required": {"approval_id": filled},
    "approval_resolved": {"approval_id": filled, "decision": filled},
    "scheduled_action_due": {},
    "group_flushed": {"group_id": uuid, "group_key": filled, "event_count": integer, "status": filled},
    "chain_advanced": {},
    "chain_step_completed": {
        "step_name": filled,
        "step_index": integer,
        "success": boolean,
        "next_step": or_null(text),
    },
    "chain_completed": {"status": filled, "execution_path": listed(filled)},
    "action_status_changed": {
        "fingerprint": filled,
        "state_machine": filled,
        "previous_status": text,
        "new_status": filled,
    },
    "timeout": {
        "fingerprint": filled,
        "state_machine": filled,
        "previous_state": filled,
        "new_state": filled,
    },
    "circuit_state_changed": {"provider": filled, "state": filled},
}


def overdue() -> None:
    """The confirmed order stays too long in its state, and what was scheduled is due."""
    Lifecycle.objects.update(timeouts=[{"state": "confirmed", "after_seconds": 1, "to": "shipped"}])
    config_versions.reset()
    past = timezone.now() - timedelta(seconds=1)
    Order.objects.filter(state="confirmed").update(timeout_at=past)
    assert orders_time_out() == 1
    Hold.objects.filter(kind="schedule").update(due_at=past, next_run_at=past)
    holds_sweep()


def below(client: Strict) -> None:
    """A chain with a chain below it: both have frames."""
    steps = [{"name": "inner", "sub_chain": "fraud-review"}]
    client.put("/v1/chains/definitions/outer", anything, {"steps": steps, "trigger": {"action_type": "ping"}})
    config_versions.reset()
    action = {"namespace": "elsewhere", "tenant": "other", "provider": "sms-service", "action_type": "ping"}
    client.post("/v1/dispatch", shapes.outcome, {**action, "payload": {}})
    assert Run.objects.filter(chain_name="outer").exists()


def test_every_frame_has_its_types_keys_and_no_others(service: Service) -> None:
    shop = Shop()
    client = Strict(shop.secret)
    reader = service.read("/v1/stream", X_API_Key=shop.secret)
    client.post("/v1/dispatch", shapes.outcome, order(payload={"order_id": "o-1"}))
    held = client.post("/v1/dispatch", shapes.outcome, order(payload={"total_cents": 60_000}))
    client.post("/v1/dispatch", shapes.outcome, order(), headers={"X-Demo-Now": CLOSED_HOURS})
    client.post("/v1/dispatch", shapes.outcome, order(payload={"order_id": "o-1"}))
    client.put(
        "/v1/events/o-1/transition",
        shapes.TRANSITION,
        {"namespace": NAMESPACE, "tenant": "acme-store", "to": "confirmed"},
    )
    overdue()
    client.http.post(held["PendingApproval"]["reject_url"].partition("8080")[2])
    client.post("/v1/circuit-breakers/sms-service/trip", shapes.BREAKER_TOLD)
    below(client)
    group_rule(max_group_size=1)
    client.post("/v1/dispatch", shapes.outcome, alert(provider="warehouse"))
    groups_sweep()
    while Run.objects.filter(ended_at=None).exists():
        runs_sweep()
    relay()
    frames = reader.wait_for(Event.objects.count())
    seen = set()
    for frame in frames:
        assert frame.data["type"] == frame.event
        keys = FRAMES[frame.event]
        Shape({**shapes.FRAME_KEYS, **keys}, shapes.FRAME_OPTIONAL)(frame.data, frame.event)
        assert frame.data["id"] == frame.id
        seen.add(frame.event)
    assert seen == set(FRAMES)
    (breaker,) = [frame for frame in frames if frame.event == "circuit_state_changed"]
    assert (breaker.data["namespace"], breaker.data["tenant"]) == ("", "")


@pytest.mark.parametrize("claimed", [True, False])
def test_who_follows_an_action_is_told_that_it_was_cancelled_while_it_waited(
    service: Service, claimed: bool
) -> None:
    """Be it an order or not, whether he listened then or comes later."""
    Lifecycle.objects.update(enabled=claimed)
    config_versions.reset()
    shop = Shop()
    client, action = Strict(shop.secret), order(payload={"order_id": "night-1"})
    client.post("/v1/dispatch", shapes.outcome, action, headers={"X-Demo-Now": CLOSED_HOURS})
    relay()
    path = f"/v1/subscribe/action/{action['id']}"
    reader = service.read(path, X_API_Key=shop.secret)
    reader.wait_for(1)
    assert not reader.ended.is_set()
    body = {"namespace": NAMESPACE, "tenant": "acme-store"}
    client.post(f"/v1/scheduled/{action['id']}/cancel", shapes.SCHEDULED_ROW, body)
    relay()
    late = service.read(path, X_API_Key=shop.secret)
    for one in (reader, late):
        assert one.ended.wait(30)
        assert [frame.event for frame in one.frames][-2:] == ["action_status_changed", "subscription_end"]
        changed, end = one.frames[-2:]
        Shape({**shapes.FRAME_KEYS, **FRAMES[changed.event]}, shapes.FRAME_OPTIONAL)(
            changed.data, changed.event
        )
        assert changed.data["fingerprint"] == ("night-1" if claimed else action["id"])
        assert (changed.data["previous_status"], changed.data["new_status"]) == ("scheduled", "cancelled")
        assert end.data["reason"] == "cancelled"


# Another tenant ------------------------------------------------------------------------------------------------


def test_a_stranger_hears_nothing_by_whatever_name(service: Service) -> None:
    owner = Shop()
    theirs = everything_of(owner)
    stranger = Shop(namespaces=[NAMESPACE], tenants=["other-store"]).secret
    filters = {
        "namespace": NAMESPACE,
        "tenant": "acme-store",
        "action_id": theirs["action"],
        "chain_id": theirs["chain"],
    }
    paths = ["/v1/stream", *(f"/v1/stream?{name}={value}" for name, value in filters.items())]
    paths += [f"/v1/subscribe/action/{theirs['action']}", f"/v1/subscribe/action/{MADE_UP['action']}"]
    readers = [service.read(path, X_API_Key=stranger, Last_Event_ID="0") for path in paths]
    heard = service.read("/v1/stream", X_API_Key=owner.secret, Last_Event_ID="0")
    Strict(owner.secret).post("/v1/dispatch", shapes.outcome, order(id=f"{CANARY}-more"))
    relay()
    heard.wait_for(10)
    time.sleep(0.5)
    assert [reader.frames for reader in readers] == [[] for _ in readers]
    assert not any(reader.ended.is_set() for reader in readers)


def test_another_tenants_chain_is_as_unknown_as_a_made_up_one(service: Service) -> None:
    theirs = everything_of(Shop())
    stranger = Shop(namespaces=[NAMESPACE], tenants=["other-store"]).secret
    answers = []
    for chain in (theirs["chain"], MADE_UP["chain"], "nonsense"):
        for query in ("", "?namespace=ecommerce&tenant=acme-store", "?include_history=false"):
            reader = Reader(
                service.base + f"/v1/subscribe/chain/{chain}{query}", {"X-API-Key": stranger}
            ).open()
            answers.append((reader.status, reader.body))
    assert len(set(answers)) == 1
    assert answers[0][0] == 404


def test_a_chain_is_found_under_its_own_names_only(service: Service) -> None:
    """By the live events, and by the trail once they are gone."""
    owner = Shop()
    chain = everything_of(owner)["chain"]
    for events_left in (True, False):
        if not events_left:
            Event.objects.all().delete()
        wrong = Reader(
            f"{service.base}/v1/subscribe/chain/{chain}?namespace=ecommerce&tenant=zz",
            {"X-API-Key": owner.secret},
        ).open()
        assert wrong.status == 404
        AuditRecord.objects.filter(chain_id=chain).update(outcome="chain_completed")
        right = service.read(f"/v1/subscribe/chain/{chain}?include_history=false", X_API_Key=owner.secret)
        assert right.ended.wait(30)
        end = right.frames[-1]
        assert (end.event, end.data["namespace"], end.data["tenant"]) == (
            "subscription_end",
            NAMESPACE,
            "acme-store",
        )


# Limits and revocation -----------------------------------------------------------------------------------------


def test_a_tenant_has_its_number_of_streams_and_takes_none_from_others(
    service: Service, settings: Any
) -> None:
    settings.STREAM_LISTENERS_PER_TENANT = 2
    mine = [Shop(tenants=["a"]).secret, Shop(tenants=["a"]).secret]
    for secret in mine:
        service.read("/v1/stream", X_API_Key=secret)
    Strict(mine[0]).refused("GET", "/v1/stream", 429, "RATE_LIMITED")
    Strict(mine[0]).refused("GET", "/v1/subscribe/action/x", 429, "RATE_LIMITED")
    other = service.read("/v1/stream", X_API_Key=Shop(tenants=["b"]).secret)
    assert other.status == 200


def test_who_leaves_makes_room(service: Service, settings: Any) -> None:
    settings.STREAM_LISTENERS_PER_TENANT = 1
    secret = Shop().secret
    for _ in range(3):
        reader = service.read("/v1/stream", X_API_Key=secret)
        Strict(secret).refused("GET", "/v1/stream", 429)
        reader._leave.set()
        relay_something()
        wait_until(lambda: not hub._places)


def relay_something() -> None:
    from tests.audit_app.conftest import note

    note()
    relay()


def test_a_process_has_its_number_of_streams(service: Service, settings: Any) -> None:
    settings.STREAM_LISTENERS = 1
    secret = Shop().secret
    service.read("/v1/stream", X_API_Key=secret)
    Strict(secret).refused("GET", "/v1/stream", 503, "UNAVAILABLE")


def test_signing_out_and_revoking_end_open_streams(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.contract.test_sign_in import person, signed_in

    monkeypatch.setattr("audit_app.stream.hub.RECHECK_SECONDS", 60)
    person("maria")
    user = signed_in("maria")
    key, secret = api_key_create(name="to-revoke", role="viewer")
    by_token = service.read("/v1/stream", Authorization=user.headers["Authorization"])
    by_key = service.read("/v1/stream", X_API_Key=secret)
    stays = service.read("/v1/stream", X_API_Key=Shop().secret)
    user.send("POST", "/v1/auth/logout")
    api_key_revoke(key=key)
    assert by_token.ended.wait(30)
    assert by_key.ended.wait(30)
    assert not stays.ended.is_set()


def test_head_takes_no_place_and_says_what_get_would(service: Service, settings: Any) -> None:
    settings.STREAM_LISTENERS = 0
    secret = Shop().secret
    for path, status in (("/v1/stream", 200), ("/v1/stream?tenant=a&tenant=b", 400)):
        answer = httpx.head(service.base + path, headers={"X-API-Key": secret}, timeout=60)
        assert (answer.status_code, answer.content) == (status, b"")
    Strict(secret).refused("GET", "/v1/stream", 503, "UNAVAILABLE")
    assert httpx.head(service.base + "/v1/stream", timeout=60).status_code == 401
