"""Rules tried at an instant of the past: with gates and counters as they were, by what the trail has kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from acteon_site.base import config_versions
from audit_app.models import AuditHead, AuditRecord, RetentionPolicy
from audit_app.services.relay import relay
from orders_app.models import Hold, Order
from orders_app.services import past_trail
from orders_app.services.releases import holds_sweep
from rules_app.models import Quota, Rule
from tests.orders_app.test_counters import CARDS, OF_EMAIL, VALUE, asks, declare, of
from tests.rules_app.test_admin_rules import TRY, manager
from tests.world import CLOSED_HOURS, NAMESPACE, OPEN_HOURS, TENANT, Shop, order, publish_rules, tag

Said = tuple[str | None, str | None]
NAMES = ("namespace", "tenant", "provider", "action_type")


def open_always() -> None:
    """The clock of these tests is the wall's, so that the past is where the trail has it."""
    Rule.objects.filter(name="schedule-after-hours").update(enabled=False)
    publish_rules()


@dataclass
class Probe:
    """An action that was asked about by a dry run, and what that said."""

    action: dict[str, Any]
    at: datetime
    said: Said


def dry(shop: Shop, action: dict[str, Any]) -> Probe:
    at = timezone.now()
    answer = shop.post("/v1/dispatch?dry_run=true", action).json()["DryRun"]
    return Probe(action, at, (answer["verdict"], answer["matched_rule"]))


def evaluated(shop: Shop, action: dict[str, Any], at: datetime | None) -> dict[str, Any]:
    when = {} if at is None else {"evaluate_at": at.isoformat()}
    sent = {name: action[name] for name in (*NAMES, "payload", "id", "dedup_key") if name in action}
    answer: dict[str, Any] = shop.post("/v1/rules/evaluate", {**sent, **when}).json()
    return answer


def would(answer: dict[str, Any]) -> Said:
    found = answer["would_be"]
    return (found["verdict"], found["matched_rule"]) if found else (None, None)


def page(client: Client, action: dict[str, Any], at: datetime | None, query: str = "") -> Any:
    typed = {name: action[name] for name in NAMES} | {"payload": json.dumps(action["payload"])}
    answer = client.post(reverse(TRY) + query, {**typed, "evaluate_at": at.isoformat() if at else ""})
    assert answer.context["found"], answer.context["form"].errors
    return answer.context["found"]["outlook"]


def told(answer: dict[str, Any]) -> str:
    return "\n".join(gate["text"] for gate in answer["gates_asked"])


@pytest.fixture
def open_shop(shop: Shop) -> Shop:
    open_always()
    return shop


def test_what_a_dry_run_said_then_evaluation_and_page_say_of_then_and_all_three_agree_on_now(
    open_shop: Shop,
) -> None:
    shop, client = open_shop, manager("view_rule")
    narrow = {"type": "throttle", "max_count": 5, "window_seconds": 60}
    Rule.objects.filter(name="throttle-merchant-orders").update(action=narrow)
    publish_rules()
    probes = []
    for number in range(6):
        one = order(dedup_key=f"k-{number}", payload={"order_id": f"o-{number}"})
        probes.append(dry(shop, one))
        shop.dispatch(one, now=OPEN_HOURS)
        if number in (0, 3):
            probes += [
                dry(shop, one),
                dry(shop, order(dedup_key=f"k-{number}")),
                dry(shop, order(id=one["id"])),
            ]
    assert {said for _, said in [(one.at, one.said[0]) for one in probes]} == {
        "allow",
        "deduplicate",
        "throttle",
    }
    for probe in probes:
        assert would(evaluated(shop, probe.action, probe.at)) == probe.said
    keyless = order(payload={"order_id": "fresh"})
    del keyless["dedup_key"], keyless["id"]
    for at in (None, probes[3].at):
        now = evaluated(shop, keyless, at)
        shown = page(client, keyless, at)
        assert (shown.verdict, shown.rule) == would(now)
    assert dry(shop, keyless).said == would(evaluated(shop, keyless, None))


def test_each_gate_tells_what_it_counted_then(open_shop: Shop) -> None:
    shop = open_shop
    Quota.objects.create(
        namespace=NAMESPACE, tenant=TENANT, max_actions=4, window="hourly", overage="block",
        created_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip
    config_versions.reset()
    for _ in range(3):
        shop.place()
    at = timezone.now()
    first = shop.place()
    shop.place()
    assert tag(first) == "Executed"
    then = evaluated(shop, order(), at)
    assert (
        f"throttle-merchant-orders: 3 of 10 in the minute before {at:%Y-%m-%d %H:%M:%S} UTC: passes"
        in told(then)
    )
    assert "Quota of 4: 3 of 4 used" in told(then)
    assert would(then) == ("allow", None)
    assert (
        would(evaluated(shop, order(), timezone.now()))[0] == "allow"
    )  # blocked: the verdict stays, the gate says so
    full = evaluated(shop, order(), timezone.now())
    assert [gate["passes"] for gate in full["gates_asked"] if gate["name"] == "Quota of 4"] == [False]


def test_counters_say_what_they_said_then_and_not_what_they_say_now(shop: Shop) -> None:
    declare(
        OF_EMAIL, CARDS, VALUE,
        two=(asks("orders-of-email", gte=2), {"type": "deny"}),
        cards=(asks("cards-of-email", gt=3), {"type": "deny"}),
        much=(asks("value-today_cents", gte=40_000), {"type": "deny"}),
    )  # fmt: skip
    probes = []
    for number in range(6):
        one = of(f"{number % 2}@x.com", card_last4=str(number % 3), total_cents=9_000)
        probes.append(dry(shop, one))
        shop.dispatch(one)
    assert {probe.said[0] for probe in probes} == {"allow", "deny"}
    for probe in probes:
        answer = evaluated(shop, probe.action, probe.at)
        assert would(answer) == probe.said
        assert answer["verdict"] == probe.said[0]
    # One whose counter was left alone since is told by its row, whatever was counted elsewhere.
    assert evaluated(shop, of("0@x.com"), timezone.now())["trace"]


def test_a_stored_order_is_tried_as_it_was_at_its_own_time(shop: Shop) -> None:
    declare(OF_EMAIL, second=(asks("orders-of-email", gte=1), {"type": "deny"}))
    shop.dispatch(of("a@x.com"), now=OPEN_HOURS)
    stored = Order.objects.get()
    start = f"?order={stored.pk}"
    client = manager("view_rule", "view_order")
    form = client.get(reverse(TRY) + start).context["form"].initial
    action = {**{name: form[name] for name in NAMES}, "payload": form["payload"]}
    shop.dispatch(of("a@x.com"))
    for at in (None, stored.action.received_at):
        outlook = page(client, action, at, start)
        assert (outlook.verdict, outlook.rule) == ("allow", None), outlook
    later = page(client, action, timezone.now(), start)
    assert (later.verdict, later.rule) == ("allow", None)  # what it left itself is left out


def test_holds_and_releases_of_then_are_seen(shop: Shop) -> None:
    late = order(dedup_key="late", payload={"order_id": "late"})
    before = dry(shop, late)
    assert tag(shop.dispatch(late, now=CLOSED_HOURS).json()) == "Scheduled"
    waiting = dry(shop, late)
    Hold.objects.update(next_run_at=timezone.now() - timedelta(seconds=1))
    open_always()
    holds_sweep()
    assert Hold.objects.filter(ended_at__isnull=False).exists()
    released = timezone.now()
    asked = evaluated(shop, order(), released)
    assert "throttle-merchant-orders: 1 of 10" in told(asked)
    assert "It waits already, held by schedule-after-hours" in told(evaluated(shop, late, waiting.at))
    assert waiting.said == ("schedule", "schedule-after-hours")
    assert "repeat" not in told(evaluated(shop, late, before.at))
    assert would(evaluated(shop, late, released))[0] == "deduplicate"


def test_what_is_too_much_to_read_or_kept_no_more_is_said_to_be_unknown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(OF_EMAIL, three=(asks("orders-of-email", gte=3), {"type": "deny"}))
    shop.batch([of("a@x.com"), of("a@x.com")])
    at = timezone.now()
    shop.dispatch(of("a@x.com"))
    assert would(evaluated(shop, of("a@x.com"), at)) == ("allow", None)
    assert would(evaluated(shop, of("a@x.com"), timezone.now())) == ("deny", "three")
    with monkeypatch.context() as patch:
        patch.setattr(past_trail, "MOST_RECORDS", 1)
        answer = evaluated(shop, of("a@x.com"), at)
        assert answer["would_be"] is None
        assert answer["unknown"] == [
            "counter.orders-of-email: nobody knows what it said then: more than 1 came in that time"
        ]
    relay()
    RetentionPolicy.objects.create(namespace=NAMESPACE, tenant=TENANT, audit_ttl_seconds=1)
    AuditHead.objects.update(reaped_sequence=1)
    AuditRecord.objects.filter(sequence_number=1).delete()
    answer = evaluated(shop, of("a@x.com"), at)
    assert answer["would_be"] is None
    assert "retention has deleted what came before" in answer["unknown"][0]


def test_what_lies_ahead_is_asked_of_what_is_there_now(open_shop: Shop) -> None:
    shop = open_shop
    for _ in range(11):
        shop.place()
    assert would(evaluated(shop, order(), None))[0] == "throttle"
    assert would(evaluated(shop, order(), timezone.now() + timedelta(minutes=2)))[0] == "allow"


def test_a_try_of_the_past_asks_no_more_when_more_came(open_shop: Shop) -> None:
    shop = open_shop

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            evaluated(shop, order(), timezone.now())
        # Whether configuration changed is asked by the clock, not by the request.
        return sum("acteon_site_configstamp" not in query["sql"] for query in queries)

    shop.place()
    asked()
    few = asked()
    shop.batch([order() for _ in range(20)])
    assert asked() == few


@pytest.mark.parametrize("at", ["0002-01-01T00:00:00Z", "9998-12-31T23:59:59Z"])
def test_at_both_ends_of_the_calendar_gates_are_asked_too(open_shop: Shop, at: str) -> None:
    held = {"type": "throttle", "max_count": 2, "window_seconds": 86_400 * 36_000}
    Rule.objects.filter(name="throttle-merchant-orders").update(action=held)
    publish_rules()
    answer = open_shop.post("/v1/rules/evaluate", {**order(), "evaluate_at": at})
    assert answer.status_code == 200, answer.content
    assert would(answer.json()) == ("allow", None)
