"""Actions that a rule groups: gathered, sent in one call, and told of everywhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from chains_app.providers.base import Call
from chains_app.models import Run
from orders_app.models import ActionGroup, GroupedAction
from tests.orders_app.gathered import PROVIDER, RULE, TYPE, alert, calls, group_rule, make_due, send_all
from tests.world import SCOPE, Shop, tag

__all__ = ["calls"]


def grouped(outcome: Any) -> dict[str, Any]:
    assert tag(outcome) == "Grouped", outcome
    found: dict[str, Any] = outcome["Grouped"]
    return found


def test_alike_actions_go_out_in_one_call_once_their_time_has_come(shop: Shop, calls: list[Call]) -> None:
    group_rule()
    sent = [alert("north"), alert("south"), alert("north")]
    told = [grouped(shop.dispatch(one).json()) for one in sent]
    assert [one["group_size"] for one in told] == [1, 1, 2]
    assert told[0]["group_id"] == told[2]["group_id"] != told[1]["group_id"]
    send_all()
    assert not calls
    make_due()
    send_all()
    (north,) = [call for call in calls if call.payload["labels"] == {"action.payload.warehouse": "north"}]
    assert len(calls) == 2
    assert north.payload["count"] == 2
    assert [event["id"] for event in north.payload["events"]] == [sent[0]["id"], sent[2]["id"]]
    assert north.payload["events"][0]["payload"] == sent[0]["payload"]
    run = Run.objects.get(action_id=told[0]["group_id"])
    assert north.idempotency_key == f"{run.pk}:call"
    send_all()
    assert len(calls) == 2
