"""Alerts that a rule groups, for tests: sent, made due, and what their provider got."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from acteon_site.base.clock import db_now
from chains_app.providers.base import Answer, Call, ProviderSettings
from chains_app.providers.log import LogKind
from chains_app.services.advance import runs_sweep
from orders_app.models import ActionGroup
from orders_app.services.groups import groups_sweep
from rules_app.engine.counters import micros
from rules_app.models import GateRow, Rule
from rules_app.services.gates import group_gate_key
from tests.world import SCOPE, publish_rules

TYPE, RULE, PROVIDER = "stock_low", "group-stock-alerts", "sms-service"
_numbers = itertools.count(1)


def group_rule(**action: Any) -> None:
    Rule.objects.update_or_create(
        name=RULE,
        defaults={
            "priority": 1,
            "condition": {"field": "action.action_type", "eq": TYPE},
            "action": {"type": "group", "group_by": ["action.payload.warehouse"], **action},
        },
    )
    publish_rules()


def alert(warehouse: Any = "north", **changes: Any) -> dict[str, Any]:
    number = next(_numbers)
    payload = {"warehouse": warehouse, "sku": f"A-{number}", "card_number": "4111111111111111"}
    return {
        **SCOPE,
        "provider": PROVIDER,
        "action_type": TYPE,
        "id": f"alert-{number}",
        "payload": payload,
        **changes,
    }


def make_due(**filters: Any) -> None:
    """As if the time of the groups that wait had come a moment ago."""
    past = db_now() - timedelta(seconds=1)
    for group in ActionGroup.objects.filter(state="waiting", **filters):
        ActionGroup.objects.filter(pk=group.pk).update(notify_at=past, next_run_at=past)
        gate = GateRow.objects.get(key=group_gate_key(group.group_key))
        GateRow.objects.filter(pk=gate.pk).update(data={**gate.data, "at": micros(past)})


def send_all() -> None:
    groups_sweep(limit=1000)
    runs_sweep()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """What log providers were called with."""
    call, made = LogKind.call, []

    def noted(kind: LogKind, settings: ProviderSettings, what: Call) -> Answer:
        made.append(what)
        return call(kind, settings, what)

    monkeypatch.setattr(LogKind, "call", noted)
    return made
