"""Recurring actions."""

from __future__ import annotations

from tests.contract.strict import (
    Check,
    Shape,
    boolean,
    filled,
    integer,
    listed,
    mapping,
    one_of,
    or_null,
    text,
    texts,
    time,
    uuid,
    wrapped,
)

_STATUS = one_of("active", "paused", "completed")
_ROW: dict[str, Check] = {
    "id": uuid,
    "namespace": filled,
    "tenant": filled,
    "cron_expr": filled,
    "timezone": filled,
    "enabled": boolean,
    "provider": filled,
    "action_type": filled,
    "next_execution_at": or_null(time),
    "execution_count": integer,
    "description": text,
    "created_at": time,
}
RECURRING_MADE = Shape({"id": uuid, "name": filled, "next_execution_at": or_null(time), "status": _STATUS})
RECURRING_LIST = wrapped("recurring_actions", Shape(_ROW, extra={"name": filled, "status": _STATUS}))
RECURRING = Shape(
    {
        **_ROW,
        "payload": mapping,
        "metadata": texts,
        "dedup_key": or_null(filled),
        "last_executed_at": or_null(time),
        "ends_at": or_null(time),
        "max_executions": or_null(integer),
        "labels": texts,
        "updated_at": time,
    },
    extra={
        "name": filled,
        "status": _STATUS,
        "starts_at": or_null(time),
        "overlap_policy": one_of("allow_all", "skip", "cancel_other"),
        "missed": one_of("skip", "once", "all"),
        "problem": or_null(filled),
    },
)
BACKFILLED = Shape(
    {
        "id": uuid,
        "occurrences": integer,
        "dispatched": integer,
        "results": listed(Shape({"occurrence": time, "outcome": filled}, {"error": filled})),
    }
)
FIRINGS = wrapped(
    "firings",
    Shape(
        {
            "id": uuid,
            "recurring_id": uuid,
            "occurrence": time,
            "kind": one_of("due", "missed", "backfill", "manual"),
            "fired_at": time,
            "action_id": or_null(filled),
            "outcome": filled,
            "reason": or_null(filled),
            "count": integer,
        }
    ),
)
NEXT = Shape(
    {
        "id": uuid,
        "timezone": filled,
        "viewer_timezone": filled,
        "next": listed(Shape({"at": time, "local": filled, "viewer": filled})),
        "count": integer,
    }
)
