"""The description of the event stream, whose views are none of DRF's."""

from __future__ import annotations

from typing import Any

from acteon_site.http.openapi import (
    ERROR,
    INTEGER,
    MEANING,
    TEXT,
    TIME,
    Schema,
    component,
    enum,
)
from audit_app.stream.filters import EVENT_TYPES, STREAM_OUTCOMES

component(
    "StreamEvent",
    {
        "type": "object",
        "description": "The `data` of a frame; further keys by type",
        "properties": {
            "id": TEXT,
            "timestamp": TIME,
            "type": enum(*EVENT_TYPES, "subscription_end"),
            "namespace": TEXT,
            "tenant": TEXT,
            "action_type": TEXT,
            "action_id": TEXT,
            "chain_id": TEXT,
            "group_id": TEXT,
        },
        "required": ["id", "timestamp", "type", "namespace", "tenant"],
    },
)
FRAMES = """id: 7
event: action_dispatched
data: {"id":"7","timestamp":"2026-03-10T15:00:00.000Z","type":"action_dispatched","namespace":"ecommerce",\
"tenant":"acme-store","action_type":"place_order","action_id":"order-1","provider":"payment-gateway",\
"outcome":{"Executed":{"status":"success","body":null,"headers":{}}}}

: ping

"""


def _parameter(name: str, place: str, schema: Schema, text: str = "") -> dict[str, Any]:
    return {"name": name, "in": place, "schema": schema, "required": place == "path"} | (
        {"description": text} if text else {}
    )


def _listening(
    summary: str, text: str, parameters: list[dict[str, Any]], errors: tuple[int, ...]
) -> dict[str, Any]:
    refusals = {
        str(status): {
            "description": MEANING[status][1],
            "content": {"application/json": {"schema": ERROR}},
            **({"headers": {"Retry-After": {"schema": INTEGER}}} if status in (429, 503) else {}),
        }
        for status in errors
    }
    frames = {"text/event-stream": {"schema": TEXT, "example": FRAMES}}
    return {
        "get": {
            "operationId": "get_" + summary.split(":")[0].lower().replace(" ", "_"),
            "summary": summary,
            "description": text,
            "tags": ["stream"],
            "security": [{"bearer": []}, {"apiKey": []}],
            "parameters": parameters,
            "responses": {"200": {"description": "Frames, for as long as both sides want", "content": frames}}
            | refusals,
        }
    }


_RESUME = _parameter("Last-Event-ID", "header", TEXT, "Go on after this event, without loss or repeat")
_FILTERS = ("namespace", "tenant", "action_type", "chain_id", "action_id")
# The views are asynchronous and none of DRF's, so they are described by hand.
PATHS: dict[str, Any] = {
    "/v1/stream": _listening(
        "Stream: events as they happen",
        "Server-sent events. `data` is a StreamEvent. A comment every 15 s. `lagged` tells of lost events.",
        [
            *(_parameter(name, "query", TEXT) for name in _FILTERS),
            _parameter("outcome", "query", enum(*STREAM_OUTCOMES)),
            _parameter("event_type", "query", enum(*EVENT_TYPES)),
            _RESUME,
        ],
        (400, 401, 429, 503),
    ),
    "/v1/subscribe/{kind}/{key}": _listening(
        "Subscribe: one chain, group or action to its end",
        "As /v1/stream, until `subscription_end` tells that the chain, group or action is finished.",
        [
            _parameter("kind", "path", enum("chain", "group", "action")),
            _parameter("key", "path", TEXT),
            _parameter("namespace", "query", TEXT),
            _parameter("tenant", "query", TEXT),
            _parameter("include_history", "query", enum("true", "false", "1", "0")),
            _RESUME,
        ],
        (400, 401, 404, 429, 503),
    ),
}
