"""Orders that were charged, and refunds of them, at a payment gateway that answers as each test tells it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from acteon_site.base import config_versions
from acteon_site.config_files.load import load_paths
from acteon_site.models import ConfigStamp
from orders_app.models import Order
from rules_app.models import Rule
from tests.chains_app.gateway import Gateway, charging, placed, settle
from tests.remembered import RememberedRows
from tests.world import SCOPE, Shop, load_files, publish_rules

RETURNS = Path(__file__).resolve().parents[2] / "fixtures" / "returns"
CHARGED = 10_000
_numbers = itertools.count(1)


def _load() -> None:
    load_files()
    load_paths([RETURNS], actor="tests")


def _no_stamps(rows: list[Any]) -> None:
    ConfigStamp.objects.filter(area__in=[row.area for row in rows if isinstance(row, ConfigStamp)]).delete()


_WITH_RETURNS = RememberedRows(_load, clear=_no_stamps)


def load_returns() -> Shop:
    """The order pipeline with refunds and returns, where nobody waits for a manager or for the shop to open."""
    _WITH_RETURNS.put()
    config_versions.reset()
    without("schedule-after-hours", "throttle-merchant-orders", "throttle-refunds")
    without("approve-refund", "approve-refund-by-parts")
    return Shop()


def without(*rules: str) -> None:
    Rule.objects.filter(name__in=rules).update(enabled=False)
    publish_rules()


def with_rules(*rules: str) -> None:
    Rule.objects.filter(name__in=rules).update(enabled=True)
    publish_rules()


def refund(of: str, cents: int = 1_000, **changes: Any) -> dict[str, Any]:
    number = next(_numbers)
    payload = {
        "refund_id": f"rf-{number}",
        "order_id": of,
        "amount_cents": cents,
        "currency": "USD",
        "reason": "returned",
        **changes.pop("payload", {}),
    }
    action = {"provider": "payment-gateway", "action_type": "refund_order", "id": f"refund-{number}"}
    return {**SCOPE, **action, "payload": payload, **changes}


def charged_order(shop: Shop, gateway: Gateway, cents: int = CHARGED, name: str = "ord-paid") -> str:
    """The name of an order that has been carried out."""
    charging(gateway)
    placed(shop, payload={"order_id": name, "total_cents": cents})
    settle(2)
    return name


def ledger(name: str) -> tuple[int | None, int, int]:
    """What an order has charged, what was paid back of it, and what is reserved."""
    return Order.objects.values_list("charged", "refunded", "reserved").get(fingerprint=name)


def failure(outcome: Any) -> dict[str, Any]:
    found: dict[str, Any] = outcome["Failed"]
    return found
