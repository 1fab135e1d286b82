"""/v1/recurring, as five clients send and read it, and what is ours beside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders_app.models import RecurringAction, RecurringFiring
from rules_app.models import Rule
from tests.contract import shapes
from tests.contract.client import Strict
from tests.world import SCOPE, Shop, publish_rules

PATH = "/v1/recurring"
MAIL: dict[str, Any] = {
    **SCOPE,
    "provider": "email-service",
    "action_type": "send_digest",
    "payload": {"to": "ops", "card_number": "4111111111111111"},
    "cron_expression": "0 * * * *",
}


def made(client: Strict, **changes: Any) -> str:
    answer = client.post(PATH, shapes.RECURRING_MADE, {**MAIL, **changes}, status=201)
    assert answer["status"] == "active"
    return str(answer["id"])


def test_what_is_made_is_read_changed_paused_resumed_and_removed(client: Strict) -> None:
    pk = made(client, name="digest", end_date="2099-01-01T00:00:00Z", metadata={"labels": {"team": "ops"}})
    path = f"{PATH}/{pk}"
    detail = client.get(path, shapes.RECURRING, **SCOPE)
    assert (detail["ends_at"], detail["metadata"]) == ("2099-01-01T00:00:00.000Z", {"team": "ops"})
    # A card's number is shown to nobody, and what comes back as it was shown stays as it is.
    assert "4111" not in str(detail["payload"])
    client.put(path, shapes.RECURRING, {**SCOPE, "payload": {**detail["payload"], "to": "all"}})
    assert RecurringAction.objects.get().payload == {**MAIL["payload"], "to": "all"}
    changed = client.put(
        path, shapes.RECURRING, {**SCOPE, "cron_expression": "30  4 * * *", "timezone": "Asia/Tokyo"}
    )
    assert (changed["cron_expr"], changed["next_execution_at"][11:16]) == ("30 4 * * *", "19:30")
    assert client.put(path, shapes.RECURRING, {**SCOPE, "end_date": None})["ends_at"] is None
    paused = client.post(f"{path}/pause", shapes.RECURRING, SCOPE)
    assert (paused["enabled"], paused["status"], paused["next_execution_at"]) == (False, "paused", None)
    client.refused("POST", f"{path}/pause", 409, "NOT_ACTIVE", body=SCOPE)
    assert client.get(PATH, shapes.RECURRING_LIST, **SCOPE, status="active")["count"] == 0
    assert client.post(f"{path}/resume", shapes.RECURRING, SCOPE)["status"] == "active"
    client.refused("POST", f"{path}/resume", 409, "NOT_PAUSED", body=SCOPE)
    assert client.get(PATH, shapes.RECURRING_LIST, **SCOPE)["recurring_actions"][0]["id"] == pk
    coming = client.get(f"{path}/next", shapes.NEXT, **SCOPE, timezone="Europe/Berlin")
    assert coming["count"] == 10
    assert {one["local"][11:] for one in coming["next"]} == {"04:30:00+09:00"}
    client.delete(path, **SCOPE)
    client.refused("GET", path, 404)
    changes = [
        row["outcome_details"]["change"]
        for row in client.get("/v1/audit", shapes.RECORDS, **SCOPE)["records"]
    ]
    assert changes == ["deleted", "resumed", "paused", "changed", "changed", "changed", "created"]


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"cron_expression": None}, "cron_expression", "is required"),
        ({"cron_expression": "@daily"}, "cron_expression", "write 0 0 * * *"),
        ({"cron_expression": "* * * * * *"}, "cron_expression", "must have five"),
        ({"cron_expression": "0 0 31 2 *"}, "cron_expression", "never comes to a day that exists"),
        ({"timezone": "Berlin"}, "timezone", "such as Europe/Berlin"),
        ({"end_date": "2020-01-01T00:00:00Z"}, "end_date", "never fires again"),
        ({"end_date": "tomorrow"}, "end_date", "RFC 3339"),
        (
            {"start_date": "2099-01-01T00:00:00Z", "end_date": "2098-01-01T00:00:00Z"},
            "end_date",
            "after start_date",
        ),
        ({"max_executions": 0}, "max_executions", "from 1"),
        ({"max_executions": True}, "max_executions", "whole number"),
        ({"overlap_policy": "maybe"}, "overlap_policy", "one of allow_all"),
        ({"missed": "some"}, "missed", "one of skip"),
        ({"missed": "all", "overlap_policy": "skip"}, "missed", "write 'once'"),
        ({"payload": []}, "payload", "JSON object"),
        ({"payload": {"x": "y" * 300_000}}, "payload", "at most"),
        ({"metadata": {"a": 1}}, "metadata.a", "must be text"),
        ({"labels": []}, "labels", "object of texts"),
        ({"provider": "a:b"}, "provider", "colon"),
        ({"dedup_key": " x"}, "dedup_key", "white space"),
        ({"name": "x" * 201}, "name", "1 to 200"),
        ({"description": 7}, "description", "must be text"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    client: Strict, changes: dict[str, Any], field: str, said: str
) -> None:
    error = client.refused("POST", PATH, 422, "VALIDATION", body={**MAIL, **changes})
    assert [problem["field"] for problem in error["details"]] == [field]
    assert said in error["details"][0]["message"]
    assert not RecurringAction.objects.exists()


def test_a_name_is_taken_once_and_a_tenant_has_room_for_so_many(client: Strict, settings: Any) -> None:
    made(client, name="digest")
    client.refused("POST", PATH, 409, "CONFLICT", body={**MAIL, "name": "digest"})
    settings.RECURRING_PER_TENANT = 2
    made(client)
    error = client.refused("POST", PATH, 409, "TOO_MANY", body=MAIL)
    assert "ACTEON_RECURRING_PER_TENANT" in error["error"]
    made(client, tenant="other-store")


def test_a_key_sees_and_makes_only_what_it_could_dispatch(client: Strict) -> None:
    pk = made(client)
    other = made(client, action_type="place_order")
    narrow = Strict(Shop(role="operator", action_types=["place_order"]).secret)
    assert [one["id"] for one in narrow.get(PATH, shapes.RECURRING_LIST, **SCOPE)["recurring_actions"]] == [
        other
    ]
    narrow.refused("POST", PATH, 403, body=MAIL)
    narrow.refused("PUT", f"{PATH}/{other}", 403, body={"action_type": "send_digest"})
    for method, rest in (("GET", ""), ("GET", "/firings"), ("GET", "/next"), ("DELETE", ""), ("PUT", "")):
        narrow.refused(method, f"{PATH}/{pk}{rest}", 404, body={} if method == "PUT" else None)
    narrow.refused("POST", f"{PATH}/{pk}/pause", 404, body=SCOPE)
    narrow.refused("POST", f"{PATH}/{pk}/backfill", 404, body={**SCOPE, "start": "x", "end": "y"})
    Strict(Shop(role="viewer").secret).refused("POST", PATH, 403, body=MAIL)
    assert RecurringAction.objects.count() == 2


def at(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_a_backfill_fires_each_occurrence_once_and_says_what_came_of_it(client: Strict) -> None:
    Rule.objects.filter(name="deny-unmatched").update(enabled=False)
    publish_rules()
    pk = made(client)
    path = f"{PATH}/{pk}"
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    span = {**SCOPE, "start": at(end - timedelta(hours=4)), "end": at(end)}
    first = client.post(f"{path}/backfill", shapes.BACKFILLED, {**span, "limit": 2})
    assert (first["occurrences"], first["dispatched"]) == (2, 2)
    assert [one["outcome"] for one in first["results"]] == ["executed", "executed"]
    again = client.post(f"{path}/backfill", shapes.BACKFILLED, span)
    assert [one["outcome"] for one in again["results"]] == ["already_fired"] * 2 + ["executed"] * 3
    assert (again["occurrences"], again["dispatched"]) == (5, 3)
    firings = client.get(f"{path}/firings", shapes.FIRINGS, **SCOPE)["firings"]
    assert [one["occurrence"] for one in firings] == [
        at(end - timedelta(hours=n)).replace("Z", ".000Z") for n in range(5)
    ]
    assert {one["kind"] for one in firings} == {"backfill"}
    assert client.get(path, shapes.RECURRING)["execution_count"] == 5
    client.put(path, shapes.RECURRING, {"max_executions": 6})
    early = {**span, "start": at(end - timedelta(hours=6)), "end": at(end - timedelta(hours=4))}
    left = client.post(f"{path}/backfill", shapes.BACKFILLED, early)["results"]
    assert [one["outcome"] for one in left] == ["executed", "error", "already_fired"]
    assert client.get(path, shapes.RECURRING)["status"] == "completed"
    client.delete(path)
    assert client.get(f"{path}/firings", shapes.FIRINGS)["count"] == 6
    assert RecurringFiring.objects.count() == 6


def test_a_backfill_has_bounds(client: Strict) -> None:
    pk = made(client, cron_expression="* * * * *")
    path, now = f"{PATH}/{pk}/backfill", datetime.now(UTC)
    day = {**SCOPE, "start": at(now - timedelta(days=1)), "end": at(now)}
    for changes, field, said in (
        ({}, "end", "more than 1000 occurrences"),
        ({"end": at(now + timedelta(hours=1))}, "end", "in the future"),
        ({"start": at(now)} | {"end": at(now - timedelta(hours=1))}, "end", "before start"),
        ({"start": None}, "start", "RFC 3339"),
        ({"limit": 0}, "limit", "from 1 to 1000"),
        ({"overlap_policy": "x"}, "overlap_policy", "one of"),
    ):
        error = client.refused("POST", path, 422, body={**day, **changes})
        assert [problem["field"] for problem in error["details"]] == [field]
        assert said in error["details"][0]["message"]
    RecurringAction.objects.update(forgotten_until=now - timedelta(minutes=30))
    error = client.refused("POST", path, 422, body={**day, "start": at(now - timedelta(hours=1))})
    assert "nobody knows what was fired" in error["error"]


def test_the_ends_of_the_calendar_are_refused_and_break_nothing(client: Strict) -> None:
    pk = made(client)
    path, now = f"{PATH}/{pk}/backfill", at(datetime.now(UTC))
    for start in ("0001-01-01T00:00:00Z", "1960-01-01T00:00:00Z"):
        error = client.refused("POST", path, 422, body={**SCOPE, "start": start, "end": now})
        assert [problem["field"] for problem in error["details"]] == ["start"]
    for zone in ("Asia/Tokyo", "America/New_York"):
        body = {**MAIL, "timezone": zone, "start_date": "9999-12-31T22:30:00Z"}
        client.refused("POST", PATH, 422, body=body)
        made(client, timezone=zone, start_date="0001-01-01T00:00:00Z", end_date="9999-12-31T23:59:59Z")
