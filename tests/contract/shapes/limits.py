"""Quotas, retention, and named lists."""

from __future__ import annotations

from tests.contract.strict import (
    Shape,
    boolean,
    filled,
    integer,
    listed,
    one_of,
    or_null,
    text,
    texts,
    time,
    uuid,
    wrapped,
)

QUOTA = Shape(
    {
        "id": uuid,
        "namespace": filled,
        "tenant": filled,
        "provider": or_null(filled),
        "principal": or_null(filled),
        "per_principal": boolean,
        "max_actions": integer,
        "window": filled,
        "overage_behavior": filled,
        "enabled": boolean,
        "created_at": time,
        "updated_at": time,
        "description": text,
        "labels": texts,
    }
)
QUOTAS = wrapped("quotas", QUOTA)
USAGE = Shape(
    {
        "tenant": filled,
        "namespace": filled,
        "used": integer,
        "limit": integer,
        "remaining": integer,
        "window": filled,
        "resets_at": time,
        "overage_behavior": filled,
    }
)
POLICY = Shape(
    {
        "id": uuid,
        "namespace": filled,
        "tenant": filled,
        "enabled": boolean,
        "audit_ttl_seconds": or_null(integer),
        "state_ttl_seconds": or_null(integer),
        "event_ttl_seconds": or_null(integer),
        "compliance_hold": boolean,
        "description": text,
        "labels": texts,
        "created_at": time,
        "updated_at": time,
    }
)
POLICIES = wrapped("policies", POLICY)
SPANS = listed(Shape({"start": integer, "end": integer}))
MATCHER = Shape({"name": filled, "value": text, "op": one_of("equal", "not_equal", "regex", "not_regex")})
SILENCE = Shape(
    {
        "id": uuid,
        "namespace": filled,
        "tenant": filled,
        "matchers": listed(MATCHER),
        "starts_at": time,
        "ends_at": time,
        "created_by": filled,
        "comment": filled,
        "created_at": time,
        "updated_at": time,
        "active": boolean,
    }
)
SILENCES = wrapped("silences", SILENCE)
TIME_INTERVAL = Shape(
    {
        "name": filled,
        "namespace": filled,
        "tenant": filled,
        "time_ranges": listed(
            Shape(
                {
                    "times": listed(Shape({"start_minute": integer, "end_minute": integer})),
                    **dict.fromkeys(("weekdays", "days_of_month", "months", "years"), SPANS),
                }
            )
        ),
        "location": or_null(filled),
        "description": or_null(filled),
        "created_by": filled,
        "created_at": time,
        "updated_at": time,
        "matches_now": boolean,
    }
)
TIME_INTERVALS = wrapped("time_intervals", TIME_INTERVAL)
NAMED_LIST = Shape(
    {
        "id": uuid,
        "name": filled,
        "namespace": filled,
        "tenant": filled,
        "matching": one_of("exact", "folded"),
        "description": text,
        "entries": integer,
        "source": text,
        "created_at": time,
        "updated_at": time,
    }
)
NAMED_LISTS = wrapped("lists", NAMED_LIST)
LIST_ENTRY = Shape(
    {
        "id": integer,
        "value": filled,
        "note": text,
        "added_by": filled,
        "added_at": time,
        "expires_at": or_null(time),
    }
)
LIST_ENTRIES = wrapped("entries", LIST_ENTRY)
LIST_CHANGE = Shape({"added": integer, "double": integer, "removed": integer})
LIST_PREVIEW = Shape(
    {
        "new": integer,
        "double": integer,
        "bad": integer,
        "lines": listed(Shape({"line": integer, "message": filled})),
    }
)
