"""The description of groups."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    INTEGER,
    OBJECT,
    PAGE,
    SCOPE,
    TEXT,
    TIME,
    UUID,
    answer,
    array,
    component,
    enum,
    maybe,
    operation,
    query,
)
from acteon_site.http.openapi_examples import ID, NOW
from orders_app.api import views_groups
from orders_app.states import ClosedBy, GroupState

KEY = "5b0f5d0c9a1e7f3b2c4d6e8f0a1b3c5d7e9f1a2b3c4d5e6f7a8b9c0d1e2f3a4b"
STATE = enum(*GroupState.values)
GROUP = component(
    "Group",
    answer(
        {
            "group_id": UUID,
            "group_key": TEXT,
            "event_count": INTEGER,
            "state": STATE,
            "notify_at": TIME,
            "created_at": TIME,
            "rule": TEXT,
            "provider": TEXT,
            "action_type": TEXT,
            "closed_by": maybe(enum(*ClosedBy.values)),
            "ended_at": maybe(TIME),
            "problem": maybe(TEXT),
        }
    ),
)
EVENT = answer({"action_id": TEXT, "payload": OBJECT, "metadata": OBJECT, "received_at": TIME})
SHOWN = {
    "group_id": ID,
    "group_key": KEY,
    "event_count": 2,
    "state": "waiting",
    "notify_at": NOW,
    "created_at": NOW,
    "rule": "group-stock-alerts",
    "provider": "warehouse-mail",
    "action_type": "stock_low",
    "closed_by": None,
    "ended_at": None,
    "problem": None,
}
SHOWN_EVENT = {"action_id": "alert-1", "payload": {"sku": "A-1"}, "metadata": {}, "received_at": NOW}
NAMED = (query("namespace", TEXT), query("tenant", TEXT))
extend_schema_view(
    get=operation(
        "Groups of actions, newest first",
        answer({"groups": array(GROUP), "total": INTEGER}),
        text="`total` counts up to 10,000.",
        parameters=(*SCOPE, *PAGE, query("state", STATE)),
        examples={"one": {"groups": [SHOWN], "total": 1}},
    )
)(views_groups.Groups)
extend_schema_view(
    get=operation(
        "A group by its key (the one that waits, else the newest) or its id, and the actions in it, redacted",
        answer({"group": GROUP, "labels": OBJECT, "events": array(EVENT)}),
        parameters=(*NAMED, *PAGE),
        errors=(404,),
        examples={
            "one": {"group": SHOWN, "labels": {"action.payload.warehouse": "north"}, "events": [SHOWN_EVENT]}
        },
    ),
    delete=operation(
        "Send it now, whatever its time; one that is closed already stays as it is",
        answer({"group_id": UUID, "event_count": INTEGER, "status": STATE}),
        parameters=NAMED,
        errors=(404,),
        examples={"sent": {"group_id": ID, "event_count": 2, "status": "flushing"}},
    ),
)(views_groups.Group)
