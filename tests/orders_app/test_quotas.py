"""Quotas by API: block, warn, degrade, notify; accepted orders count once."""

from __future__ import annotations

from typing import Any

from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from orders_app.models import Order
from tests.world import CLOSED_HOURS, SCOPE, Shop, order, tag


def limit(shop: Shop, maximum: int, behavior: Any, **more: Any) -> str:
    body = {**SCOPE, "max_actions": maximum, "window": "hourly", "overage_behavior": behavior, **more}
    made = shop.post("/v1/quotas", body)
    assert made.status_code == 201, made.content
    made_id: str = made.json()["id"]
    return made_id


def used(shop: Shop, quota: str) -> int:
    answer: int = shop.get(f"/v1/quotas/{quota}/usage").json()["used"]
    return answer


def test_block_refuses_what_is_over_and_says_how_much_was_used(shop: Shop) -> None:
    quota = limit(shop, 2, "block")
    outcomes = [shop.place() for _ in range(3)]
    assert [tag(outcome) for outcome in outcomes] == ["Executed", "Executed", "QuotaExceeded"]
    assert outcomes[2]["QuotaExceeded"] == {
        "tenant": "acme-store",
        "limit": 2,
        "used": 2,
        "overage_behavior": "block",
    }
    assert used(shop, quota) == 2


def test_held_orders_count_when_they_come_and_not_again_refused_ones_never(shop: Shop) -> None:
    quota = limit(shop, 100, "block")
    shop.place(payload={"total_cents": 60_000})
    shop.place(now=CLOSED_HOURS)
    shop.place(payload={"shipping_country": "SY"})
    shop.place(dedup_key="k")
    shop.place(dedup_key="k")
    assert used(shop, quota) == 3


def test_warn_accepts_and_leaves_a_note_in_the_trail(shop: Shop) -> None:
    quota = limit(shop, 1, "warn")
    assert [tag(shop.place()) for _ in range(2)] == ["Executed", "Executed"]
    assert used(shop, quota) == 2
    newest = shop.audit(outcome="executed")[0]
    assert newest["verdict_details"]["quota"]["overage"] == "warn"


def test_degrade_goes_to_the_other_provider_and_starts_no_chain(shop: Shop) -> None:
    limit(shop, 1, {"degrade": {"fallback_provider": "compliance-queue"}})
    assert shop.place()["Executed"]["body"]["chain_name"] == "order-processing"
    degraded = shop.place()
    assert degraded["Executed"]["body"] == {"provider": "compliance-queue", "logged": True}
    assert Run.objects.filter(kind="chain").count() == 1
    assert Order.objects.filter(status="completed").count() == 1


def test_notify_accepts_and_tells_its_target(shop: Shop) -> None:
    limit(shop, 1, {"notify": {"target": "email-service"}})
    assert [tag(shop.place()) for _ in range(2)] == ["Executed", "Executed"]
    runs_sweep()
    notice = Run.objects.get(kind="notice")
    assert (notice.status, notice.origin["payload"]["limit"]) == ("completed", 1)


def test_a_quota_per_caller_counts_each_on_its_own(shop: Shop) -> None:
    limit(shop, 1, "block", per_principal=True)
    other = Shop(role="operator")
    assert [tag(shop.place()), tag(other.place()), tag(other.place())] == [
        "Executed",
        "Executed",
        "QuotaExceeded",
    ]


def test_a_batch_meets_the_quota_in_its_own_order(shop: Shop) -> None:
    limit(shop, 2, "block")
    items = shop.batch([order() for _ in range(4)]).json()
    assert [tag(item) for item in items] == ["Executed", "Executed", "QuotaExceeded", "QuotaExceeded"]
