"""The clock of recurring actions, and rules that let them through at any hour."""

from __future__ import annotations

import pytest

from rules_app.models import Rule
from tests.orders_app.recurring.world import Clock
from tests.world import Shop, publish_rules

READS = ("sweep", "edits", "by_hand")
OFF = ("schedule-after-hours", "throttle-merchant-orders", "deny-unmatched")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    standing = Clock()
    for module in READS:
        monkeypatch.setattr(f"orders_app.services.recurring.{module}.db_now", standing)
    return standing


@pytest.fixture
def open_shop(shop: Shop) -> Shop:
    Rule.objects.filter(name__in=OFF).update(enabled=False)
    publish_rules()
    return shop
