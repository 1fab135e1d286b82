"""Events that happen, a subscriber that is a real server, and what it was sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.source import Source
from audit_app.services.journal import Journal, Subject
from audit_app.services.relay import relay
from subscriptions_app.models import Delivery, Subscription
from subscriptions_app.services.courier import deliveries_send
from subscriptions_app.services.fan_out import events_fan_out
from subscriptions_app.services.subscriptions import subscription_create
from tests.chains_app.peer import Peer, Received
from tests.world import NAMESPACE, TENANT

WHO = Source("key:tests", "api_key", "")
_numbers = itertools.count(1)


def subscribe(peer: Peer | str, **changes: Any) -> Subscription:
    url = peer if isinstance(peer, str) else peer.url
    base = {"namespace": NAMESPACE, "tenant": TENANT, "name": f"systems-{next(_numbers)}", "url": url}
    made = subscription_create(spec={**base, **changes}, source=WHO)
    config_versions.expire()  # a test's transaction never commits
    return made


def happen(*action_ids: str, type_: str = "action_dispatched", tenant: str = TENANT, **data: Any) -> None:
    """An event of each of these actions, numbered."""
    journal = Journal()
    for action_id in action_ids:
        subject = Subject(NAMESPACE, tenant, "payment-gateway", "place_order", action_id)
        journal.event(type_, subject, **{"outcome": {"Executed": {}}, **data})
    journal.write()
    relay()


def fan_out() -> None:
    config_versions.expire()  # as above
    while events_fan_out():
        pass


def sent() -> int:
    """Fan out and send until nothing is due."""
    fan_out()
    count = 0
    while some := deliveries_send():
        count += some
    return count


def later(seconds: float = 1e9) -> None:
    """As if so much time had passed for what waits for its next attempt."""
    rows = Delivery.objects.filter(due_at__isnull=False)
    rows.update(due_at=F("due_at") - timedelta(seconds=min(seconds, 90 * 86_400)))
    Subscription.objects.filter(paused_until__isnull=False).update(paused_until=timezone.now())


def types_of(said: Sequence[Received]) -> list[str]:
    return [json.loads(one.body)["type"] for one in said]


def actions_of(said: Sequence[Received]) -> list[str]:
    return [json.loads(one.body)["data"]["action_id"] for one in said]


def verified(one: Received, secret: str) -> bool:
    """As a receiver checks it, from the specification and not by our own code."""
    headers = one.headers
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + one.body
    mine = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    given = [part.split(",", 1) for part in headers["webhook-signature"].split()]
    return ["v1", mine] in given
