"""Many at once: exactly one wins, and nothing is counted twice or lost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db.models import F
from rest_framework.test import APIClient

from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from orders_app.models import Hold, Move, Order
from orders_app.services.releases import holds_sweep
from rules_app.models import Rule
from tests.threads import at_once
from tests.world import SCOPE, Shop, load_shop, order, publish_rules, tag

pytestmark = pytest.mark.django_db(transaction=True)
CROWD = 20


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    load_shop()
    return Shop()


def dispatch_all(shop: Shop, actions: list[dict[str, Any]]) -> Counter[str]:
    outcomes = at_once([partial(_dispatch, shop.secret, action) for action in actions])
    return Counter(tag(outcome) for outcome in outcomes)


def _dispatch(secret: str, action: dict[str, Any]) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_X_DEMO_NOW="2026-03-04T16:00:00Z")
    answer = client.post("/v1/dispatch", action, format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def without(*rules: str) -> None:
    Rule.objects.filter(name__in=rules).update(enabled=False)
    publish_rules()


def test_of_twenty_orders_of_one_name_that_say_different_things_one_waits_and_the_rest_are_told(
    shop: Shop,
) -> None:
    without("throttle-merchant-orders")
    named = [{"order_id": "one", "total_cents": 60_000 + number} for number in range(CROWD)]
    answers = at_once([partial(_answer, shop.secret, order(payload=payload)) for payload in named])
    codes = Counter(answer.get("code", tag(answer)) for answer in answers)
    assert codes == {"PendingApproval": 1, "ORDER_DIFFERS": CROWD - 1}
    assert Hold.objects.count() == Order.objects.count() == 1


def test_an_approval_and_a_changed_repeat_at_once_carry_out_what_was_approved(shop: Shop) -> None:
    without("throttle-merchant-orders", "schedule-after-hours")
    for number in range(5):
        payload = {"order_id": f"one-{number}", "total_cents": 60_000}
        approval = shop.place(payload=payload)["PendingApproval"]
        changed = order(payload={**payload, "total_cents": 99_000})
        answers = at_once([partial(_press, approval["approve_url"]), partial(_answer, shop.secret, changed)])
        assert answers[0]["status"] == "approved"
        assert answers[1] == "Deduplicated" or answers[1]["code"] == "ORDER_DIFFERS"
    assert {run.origin["payload"]["total_cents"] for run in Run.objects.filter(kind="chain")} == {60_000}
    assert Order.objects.count() == 5


def _answer(secret: str, action: dict[str, Any]) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_X_DEMO_NOW="2026-03-04T16:00:00Z")
    return client.post("/v1/dispatch", action, format="json").json()


def _press(url: str) -> Any:
    parts = urlsplit(url)
    return APIClient().post(f"{parts.path}?{parts.query}").json()


def test_of_twenty_equal_orders_exactly_one_is_executed(shop: Shop) -> None:
    same = order(dedup_key="same")
    assert dispatch_all(shop, [same] * CROWD) == {"Executed": 1, "Deduplicated": CROWD - 1}
    assert Order.objects.count() == Run.objects.count() == 1


def test_of_twenty_placements_of_one_order_under_different_keys_exactly_one_lives(shop: Shop) -> None:
    without("throttle-merchant-orders")
    actions = [order(payload={"order_id": "one"}) for _ in range(CROWD)]
    assert dispatch_all(shop, actions) == {"Executed": 1, "Deduplicated": CROWD - 1}


def test_of_twenty_equal_high_orders_one_approval_is_made_and_all_get_it(shop: Shop) -> None:
    same = order(dedup_key="same", payload={"total_cents": 60_000})
    outcomes = at_once([partial(_dispatch, shop.secret, same)] * CROWD)
    assert len({outcome["PendingApproval"]["approval_id"] for outcome in outcomes}) == 1
    assert Hold.objects.count() == 1


def test_never_more_than_ten_pass_a_throttle_of_ten(shop: Shop) -> None:
    assert dispatch_all(shop, [order() for _ in range(25)]) == {"Executed": 10, "Throttled": 15}


def test_a_quota_is_exact_under_a_crowd(shop: Shop) -> None:
    without("throttle-merchant-orders")
    made = shop.post(
        "/v1/quotas", {**SCOPE, "max_actions": 7, "window": "hourly", "overage_behavior": "block"}
    )
    assert made.status_code == 201, made.content
    assert dispatch_all(shop, [order() for _ in range(CROWD)]) == {"Executed": 7, "QuotaExceeded": CROWD - 7}
    usage = shop.get(f"/v1/quotas/{made.json()['id']}/usage").json()
    assert (usage["used"], usage["remaining"]) == (7, 0)


def test_approve_reject_and_expire_race_and_exactly_one_wins(shop: Shop) -> None:
    approval = shop.place(payload={"total_cents": 60_000})["PendingApproval"]
    links = [approval["approve_url"], approval["reject_url"]] * 5
    statuses = at_once(
        [partial(_decide, link) for link in links] + [partial(_expire, approval["approval_id"])]
    )
    assert Counter(statuses)[200] <= 1
    decided = [row["outcome"] for row in shop.audit() if row["outcome"].startswith("approval_")]
    assert len(decided) == 1
    hold, placed = Hold.objects.get(pk=approval["approval_id"]), Order.objects.get()
    assert decided == [f"approval_{hold.status}"]
    assert (hold.status == "approved") == (placed.status not in ("rejected", "expired"))


def _decide(link: str) -> int:
    parts = urlsplit(link)
    return int(APIClient().post(f"{parts.path}?{parts.query}").status_code)


def _expire(hold_id: str) -> int:
    Hold.objects.filter(pk=hold_id, status="pending").update(
        due_at=F("due_at") - timedelta(hours=1), next_run_at=F("next_run_at") - timedelta(hours=1)
    )
    holds_sweep()
    return 0


def test_a_release_runs_once_though_request_and_sweepers_want_it(shop: Shop) -> None:
    without("schedule-after-hours")
    approval = shop.place(payload={"total_cents": 60_000})["PendingApproval"]
    at_once([partial(_decide, approval["approve_url"]), *[holds_sweep] * 6])
    Hold.objects.filter(next_run_at__isnull=False).update(next_run_at=F("next_run_at") - timedelta(minutes=1))
    at_once([holds_sweep] * 6)
    assert Run.objects.filter(kind="chain").count() == 1
    assert len([row for row in shop.audit() if row["outcome"] == "executed"]) == 1


def test_of_many_equal_transitions_one_is_written(shop: Shop) -> None:
    shop.place(payload={"order_id": "one"})
    body = {"to": "confirmed", **SCOPE}
    answers = at_once([partial(_transition, shop.secret, body)] * CROWD)
    assert Counter(answer.status_code for answer in answers) == {200: CROWD}
    assert Move.objects.count() == 1


def _transition(secret: str, body: dict[str, str]) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client.put("/v1/events/one/transition", body, format="json")


def test_many_sweepers_make_each_call_once(shop: Shop) -> None:
    without("throttle-merchant-orders")
    for _ in range(10):
        shop.place()
    at_once([runs_sweep] * 6)
    runs_sweep()
    assert set(Order.objects.values_list("status", flat=True)) == {"completed"}
    charged = shop.audit(outcome="chain_step_completed")
    assert len(charged) == 10 * 4
