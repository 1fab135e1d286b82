"""/v1/subscriptions: made, changed, rotated, tested, replayed; what is refused; what no answer shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from acteon_site.base.clock_text import rfc3339
from audit_app.models import AuditRecord
from tests.chains_app.peer import Peer, peer_running
from tests.contract import shapes
from tests.contract.client import Strict
from tests.subscriptions_app.receiving import happen, sent, verified
from tests.world import SCOPE, Shop

pytestmark = pytest.mark.django_db
HOOK: dict[str, Any] = {**SCOPE, "name": "warehouse", "url": "https://hooks.example.com/orders"}
PATH = "/v1/subscriptions"


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as served:
        yield served


def made(client: Strict, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = client.post(PATH, shapes.SUBSCRIPTION_WITH_SECRET, {**HOOK, **changes}, status=201)
    return row


def test_its_secret_is_shown_once_and_stands_nowhere_else(client: Strict) -> None:
    row = made(client, event_types=["chain_*"], notify_provider="email-service")
    assert row["secret"].startswith("whsec_")
    own = f"{PATH}/{row['id']}"
    texts = [
        str(client.get(own, shapes.SUBSCRIPTION)),
        str(client.get(PATH, shapes.SUBSCRIPTIONS, **SCOPE)),
        str(client.send("PUT", own, body={"description": "d"}).content),
        str(list(AuditRecord.objects.values())),
    ]
    assert not any(row["secret"].removeprefix("whsec_") in one for one in texts)
    changes = AuditRecord.objects.filter(action_id=row["id"]).order_by("id")
    assert [one.outcome_details["change"] for one in changes] == ["created", "changed"]
    assert client.send("DELETE", own).status_code == 204
    client.refused("GET", own, 404)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "ftp://hooks.example.com/"}, "url"),
        ({"url": "https://ada:pass@hooks.example.com/"}, "url"),
        ({"url": "http://169.254.169.254/latest"}, "url"),
        ({"url": "http://[::1]/"}, "url"),
        ({"url": "https://hooks.example.com/#part"}, "url"),
        ({"event_types": ["action_dispatch"]}, "event_types[0]"),
        ({"event_types": "chain_completed"}, "event_types"),
        ({"outcomes": ["exec*"]}, "outcomes[0]"),
        ({"providers": ["pay*"]}, "providers[0]"),
        ({"timeout_seconds": 31}, "timeout_seconds"),
        ({"max_concurrent": 0}, "max_concurrent"),
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": None}, "enabled"),
        ({"notify_provider": "nobody"}, "notify_provider"),
        ({"secret": "hunter2"}, "secret"),
        ({"secret": "whsec_c2hvcnQ="}, "secret"),
        ({"name": None}, "name"),
    ],
)
def test_what_is_wrong_is_named(client: Strict, change: dict[str, Any], field: str) -> None:
    error = client.refused("POST", PATH, 422, "VALIDATION", body={**HOOK, **change})
    assert [one["field"] for one in error["details"]] == [field]
    assert "hunter2" not in str(error)


def test_a_word_that_never_comes_is_answered_with_the_one_that_was_meant(client: Strict) -> None:
    error = client.refused("POST", PATH, 422, body={**HOOK, "event_types": ["chain_complete"]})
    assert 'did you mean "chain_completed"?' in error["message"]


def test_two_of_one_name_and_a_test_while_it_is_off_are_conflicts(client: Strict) -> None:
    row = made(client)
    client.refused("POST", PATH, 409, body=HOOK)
    off = client.post(f"{PATH}/{row['id']}/disable", shapes.SUBSCRIPTION)
    assert (off["enabled"], off["disabled_reason"]) == (False, "by_hand")
    client.refused("POST", f"{PATH}/{row['id']}/test", 409)
    on = client.post(f"{PATH}/{row['id']}/enable", shapes.SUBSCRIPTION)
    assert (on["enabled"], on["disabled_reason"], on["disabled_at"]) == (True, None, None)


def test_null_switches_nothing_on_or_off(client: Strict) -> None:
    own = f"{PATH}/{made(client, enabled=False)['id']}"
    error = client.refused("PUT", own, 422, "VALIDATION", body={"enabled": None, "description": "d"})
    assert [one["field"] for one in error["details"]] == ["enabled"]
    row = client.get(own, shapes.SUBSCRIPTION)
    assert (row["enabled"], row["description"]) == (False, "")


def test_a_delivery_is_seen_with_its_attempts_resent_and_replayed(client: Strict, peer: Peer) -> None:
    row = made(client, url=peer.url)
    own = f"{PATH}/{row['id']}"
    peer.answers(500, b"no")
    happen("act-1", "act-2")
    sent()
    listed = client.get(f"{own}/deliveries", shapes.DELIVERIES, status="pending", limit="1")["deliveries"]
    assert listed[0]["attempts"][0]["answer"] == "no"
    client.refused("POST", f"{own}/deliveries/{listed[0]['id']}/resend", 409)
    client.refused("GET", f"{own}/deliveries", 400, "BAD_QUERY", query={"status": "lost"})
    tested = client.post(f"{own}/test", shapes.DELIVERY_DETAIL, status=202)
    peer.answers(200)
    sent()
    detail = client.get(f"{own}/deliveries/{tested['id']}", shapes.DELIVERY_DETAIL)
    assert detail["status"] == "delivered"
    assert verified(peer.said[-1], row["secret"])
    again = client.post(f"{own}/deliveries/{tested['id']}/resend", shapes.DELIVERY_DETAIL, status=202)
    assert again["status"] == "pending"
    now = timezone.now()
    span = {"from": rfc3339(now - timedelta(hours=1)), "to": rfc3339(now + timedelta(hours=1))}
    replayed = client.post(f"{own}/replay", shapes.REPLAYED_SPAN, span, status=202)
    assert (replayed["resent"], replayed["created"]) == (0, 0)
    wrong = client.refused("POST", f"{own}/replay", 422, body={"from": span["to"], "to": span["from"]})
    assert wrong["details"][0]["field"] == "to"


def test_a_rotated_secret_is_shown_once_with_the_end_of_the_old_one(client: Strict) -> None:
    row = made(client)
    new = client.post(
        f"{PATH}/{row['id']}/rotate-secret", shapes.SUBSCRIPTION_WITH_SECRET, {"grace_seconds": 60}
    )
    assert new["secret"] != row["secret"]
    assert new["previous_until"]
    client.refused("POST", f"{PATH}/{row['id']}/rotate-secret", 422, body={"grace_seconds": -1})
    client.refused("PUT", f"{PATH}/{row['id']}", 422, body={"secret": "whsec_"})


def test_a_key_for_some_providers_sees_no_deliveries(client: Strict) -> None:
    row = made(client)
    narrow = Strict(Shop(role="viewer", providers=["warehouse"]).secret)
    narrow.refused("GET", f"{PATH}/{row['id']}/deliveries", 403)
