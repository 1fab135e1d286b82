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
