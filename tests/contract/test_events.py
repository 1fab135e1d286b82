"""/v1/events, /v1/orders/…/cancel, /v1/scheduled: the order lifecycle."""

from __future__ import annotations

from typing import Any

import pytest

from chains_app.services.advance import runs_sweep
from orders_app.models import Hold, Move, Order
from tests.contract import shapes
from tests.contract.client import Strict, part
from tests.world import CLOSED_HOURS, SCOPE, order


def placed(client: Strict, fingerprint: Any, **changes: Any) -> None:
    client.post("/v1/dispatch", shapes.outcome, order(payload={"order_id": fingerprint, **changes}))


def moved(client: Strict, fingerprint: str, to: str, **keys: Any) -> Any:
    path = f"/v1/events/{part(fingerprint)}/transition"
    return client.put(path, shapes.TRANSITION, {"to": to, **SCOPE, **keys})


def refused_move(client: Strict, fingerprint: str, to: str) -> dict[str, Any]:
    path = f"/v1/events/{part(fingerprint)}/transition"
    return client.refused("PUT", path, 409, body={"to": to, **SCOPE})


def test_the_list_and_its_filters(client: Strict) -> None:
    placed(client, "o-1")
    placed(client, "o-2")
    moved(client, "o-2", "confirmed")
    found = client.get("/v1/events", shapes.EVENTS, **SCOPE)
    assert [event["fingerprint"] for event in found["events"]] == ["o-2", "o-1"]
    found = client.get("/v1/events", shapes.EVENTS, **SCOPE, status="confirmed")
    assert [event["fingerprint"] for event in found["events"]] == ["o-2"]
    assert client.get("/v1/events", shapes.EVENTS, **SCOPE, limit=1)["count"] == 1


def test_an_order_tells_its_history_and_what_it_may_become(client: Strict) -> None:
    placed(client, "o-1")
    moved(client, "o-1", "confirmed")
    event = client.get("/v1/events/o-1", shapes.EVENT, **SCOPE)
    assert (event["state"], event["allowed"]) == ("confirmed", ["shipped"])
    assert [(move["from"], move["to"]) for move in event["history"]][-1] == ("placed", "confirmed")
    client.refused("GET", "/v1/events/nobody", 404, "NOT_FOUND", query=SCOPE)
    client.refused("GET", "/v1/events/o-1", 400, "BAD_QUERY")


def test_a_transition_answers_where_it_came_from(client: Strict) -> None:
    placed(client, "o-1")
    for previous, to in (("placed", "confirmed"), ("confirmed", "shipped"), ("shipped", "delivered")):
        assert moved(client, "o-1", to) == {
            "fingerprint": "o-1",
            "previous_state": previous,
            "new_state": to,
            "notify": False,
        }


def test_to_state_is_an_alias(client: Strict) -> None:
    placed(client, "o-1")
    path, body = "/v1/events/o-1/transition", {"to_state": "confirmed", **SCOPE}
    assert client.put(path, shapes.TRANSITION, body)["new_state"] == "confirmed"


def test_a_repeat_is_answered_and_not_written_again(client: Strict) -> None:
    placed(client, "o-1")
    moved(client, "o-1", "confirmed")
    moves = Move.objects.count()
    assert moved(client, "o-1", "confirmed")["previous_state"] == "confirmed"
    assert Move.objects.count() == moves


def test_a_move_that_is_not_allowed_names_those_that_are(client: Strict) -> None:
    placed(client, "o-1")
    error = refused_move(client, "o-1", "delivered")
    assert error["code"] == "TRANSITION_NOT_ALLOWED"
    assert "confirmed" in error["message"]


def test_a_waiting_order_does_not_move_and_says_why(client: Strict) -> None:
    placed(client, "o-1", total_cents=60_000)
    assert "held" in refused_move(client, "o-1", "confirmed")["message"]
    client.post("/v1/orders/o-1/cancel", shapes.EVENT, SCOPE)
    assert "cancelled" in refused_move(client, "o-1", "confirmed")["message"]


def test_transitions_of_nothing(client: Strict) -> None:
    client.refused("PUT", "/v1/events/nobody/transition", 404, body={"to": "confirmed", **SCOPE})
    placed(client, "o-1")
    for body, field in (({"to": "confirmed"}, "namespace"), (SCOPE, "to"), ({**SCOPE, "to": 7}, "to")):
        error = client.refused("PUT", "/v1/events/o-1/transition", 422, "VALIDATION", body=body)
        assert error["details"][0]["field"] == field


def test_a_move_to_a_state_that_nobody_knows_names_the_allowed_ones_too(client: Strict) -> None:
    placed(client, "o-1")
    error = refused_move(client, "o-1", "lost")
    assert error["code"] == "TRANSITION_NOT_ALLOWED"
    assert error["message"].endswith("allowed: confirmed")
    assert Move.objects.filter(to_state="lost").count() == 0


@pytest.mark.parametrize(
    ("action", "fingerprint"),
    [
        ({"fingerprint": "own", "payload": {"order_id": "x"}}, "own"),
        ({"payload": {"order_id": "x"}}, "x"),
        ({"id": "by-id", "payload": {"order_id": None}}, "by-id"),
        ({"fingerprint": "a:b/c d?ü"}, "a:b/c d?ü"),
    ],
)
def test_what_the_fingerprint_is(client: Strict, action: dict[str, Any], fingerprint: str) -> None:
    body = order(**action)
    if body["payload"]["order_id"] is None:
        del body["payload"]["order_id"]
    client.post("/v1/dispatch", shapes.outcome, body)
    assert client.get(f"/v1/events/{part(fingerprint)}", shapes.EVENT, **SCOPE)["fingerprint"] == fingerprint
    assert moved(client, fingerprint, "confirmed")["fingerprint"] == fingerprint


def test_a_waiting_order_is_cancelled_at_once(client: Strict) -> None:
    placed(client, "o-1", total_cents=60_000)
    event = client.post("/v1/orders/o-1/cancel", shapes.EVENT, {**SCOPE, "reason": "changed my mind"})
    assert (event["status"], event["allowed"]) == ("cancelled", [])
    client.post("/v1/orders/o-1/cancel", shapes.EVENT, SCOPE)


def test_too_late_names_the_status(client: Strict) -> None:
    placed(client, "o-1")
    runs_sweep()
    error = client.refused("POST", "/v1/orders/o-1/cancel", 409, body=SCOPE)
    assert Order.objects.get().status in error["message"]


def test_cancels_of_nothing(client: Strict) -> None:
    client.refused("POST", "/v1/orders/nobody/cancel", 404, "NOT_FOUND", body=SCOPE)
    client.refused("POST", "/v1/orders/nobody/cancel", 422, "VALIDATION", body={})
    placed(client, "o-1")
    client.refused("POST", "/v1/orders/o-1/cancel", 422, "VALIDATION", body={**SCOPE, "reason": 7})


@pytest.fixture
def night(client: Strict) -> dict[str, Any]:
    action = order(payload={"order_id": "night-1"})
    client.post("/v1/dispatch", shapes.outcome, action, headers={"X-Demo-Now": CLOSED_HOURS})
    return action


def test_what_is_scheduled_is_listed_and_cancelled(client: Strict, night: dict[str, Any]) -> None:
    (row,) = client.get("/v1/scheduled", shapes.SCHEDULED, **SCOPE)["scheduled"]
    assert row["action_id"] == night["id"]
    assert (row["fingerprint"], row["rule"], row["status"]) == ("night-1", "schedule-after-hours", "pending")
    path = f"/v1/scheduled/{night['id']}/cancel"
    assert client.post(path, shapes.SCHEDULED_ROW, SCOPE)["status"] == "cancelled"
    client.refused("POST", path, 409, body=SCOPE)
    assert client.get("/v1/scheduled", shapes.SCHEDULED, **SCOPE, status="pending")["scheduled"] == []
    assert client.get("/v1/scheduled", shapes.SCHEDULED, **SCOPE, status="cancelled")["count"] == 1
    assert Hold.objects.get().status == "cancelled"


def test_schedules_of_nothing(client: Strict) -> None:
    client.refused("POST", "/v1/scheduled/nobody/cancel", 404, "NOT_FOUND", body=SCOPE)
    client.refused("POST", "/v1/scheduled/nobody/cancel", 422, "VALIDATION")
    client.refused("GET", "/v1/scheduled", 400, "BAD_QUERY", query={**SCOPE, "status": "lost"})


# Names that end like a path -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["foo/transition", "transition", "foo/cancel", "a/transition/transition"])
def test_an_order_named_like_a_path_is_shown_moved_and_cancelled(client: Strict, name: str) -> None:
    placed(client, name)
    assert client.get(f"/v1/events/{part(name)}", shapes.EVENT, **SCOPE)["fingerprint"] == name
    assert moved(client, name, "confirmed")["fingerprint"] == name
    cancelled = client.post(f"/v1/orders/{part(name)}/cancel", shapes.EVENT, SCOPE)
    assert cancelled["fingerprint"] == name


def test_an_order_behind_the_verb_is_not_the_one_before_it(client: Strict) -> None:
    placed(client, "foo")
    client.refused("GET", "/v1/events/foo%2Ftransition", 404, "NOT_FOUND", query=SCOPE)
    answer = client.send("DELETE", "/v1/events/foo/transition")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "PUT, OPTIONS")


def test_a_scheduled_action_named_like_a_path_is_cancelled(client: Strict) -> None:
    night = {"X-Demo-Now": CLOSED_HOURS}
    client.post("/v1/dispatch", shapes.outcome, order(id="x/cancel"), headers=night)
    told = client.post("/v1/scheduled/x%2Fcancel/cancel", shapes.SCHEDULED_ROW, SCOPE)
    assert (told["action_id"], told["status"]) == ("x/cancel", "cancelled")
