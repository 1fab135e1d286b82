"""The rows behind the gates: created and locked by one statement in key order, written back by one.

A row whose `expires_at` has passed counts as empty, so a counter can never block for ever; the reaper deletes it.
Keys hold keyed hashes only: no personal data stands in an index.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from acteon_site.base.clock import db_now, stored_time
from acteon_site.base.connections import in_breaths_with_locks
from acteon_site.base.digest import keyed_hash
from acteon_site.base.statements import Writes, execute, json_text
from rules_app.models import GateRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_VALUES = 10_000
# DO UPDATE, not DO NOTHING: only an update locks a row that exists, and returns it.
_INSERT = f"INSERT INTO {GateRow._meta.db_table} (key, data, expires_at)"
_OR_LOCK = "ON CONFLICT (key) DO UPDATE SET key = EXCLUDED.key RETURNING key, data"
_LOCK_ALL = f"""{_INSERT} SELECT fresh.key, '{{}}'::jsonb, 'epoch'::timestamptz
FROM json_array_elements_text(%s::json) WITH ORDINALITY AS fresh(key, turn) ORDER BY turn
{_OR_LOCK}, (extract(epoch FROM expires_at) * 1000000)::bigint,
(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"""  # noqa: S608 - names of our own

# They exist, and are locked. No UPDATE, which would go through the whole table while the planner takes it for small.
_WRITE_ALL = f"""{_INSERT} SELECT key, data, expires_at
FROM json_to_recordset(%s::json) AS fresh (key text, data jsonb, expires_at timestamptz)
ON CONFLICT (key) DO UPDATE SET data = EXCLUDED.data, expires_at = EXCLUDED.expires_at"""  # noqa: S608 - as above


@dataclass(slots=True)
class Gate:
    """A locked gate row. Change it with `put`; `gates_write` saves what was changed."""

    key: str
    data: dict[str, Any]
    expires_at: datetime | None
    changed: bool = False

    def put(self, data: dict[str, Any], expires_at: datetime | None) -> None:
        self.data, self.expires_at, self.changed = data, expires_at, True

    def clear(self) -> None:
        self.put({}, _EPOCH)


def gate_empty(key: str) -> Gate:
    return Gate(key, {}, _EPOCH)


def dedup_key(namespace: str, tenant: str, action_type: str, value: str) -> str:
    return f"dedup:{keyed_hash(namespace, tenant, action_type, value)}"


def order_key(namespace: str, tenant: str, fingerprint: str) -> str:
    return f"order:{keyed_hash(namespace, tenant, fingerprint)}"


def throttle_key(namespace: str, tenant: str, rule: str, action_type: str) -> str:
    return f"throttle:{keyed_hash(namespace, tenant, rule, action_type)}"


def shadow_key(namespace: str, tenant: str, rule: str, *action: str) -> str:
    """Of a gate whose rule is in shadow."""
    return f"shadow:{keyed_hash(namespace, tenant, rule, *action)}"


def quota_key(quota_id: UUID, principal: str, window_begin: datetime) -> str:
    counted_for = keyed_hash(principal) if principal else ""
    return f"quota:{quota_id.hex}:{window_begin:%Y%m%dT%H%M%S}:{counted_for}"


def group_key(*parts: str) -> str:
    """What tells one group of actions from others, as callers are told it."""
    return keyed_hash("group", *parts)


def group_gate_key(key: str) -> str:
    return f"group:{key}"


def gates_lock(keys: Collection[str]) -> tuple[dict[str, Gate], datetime]:
    """Lock these rows until the transaction ends, in key order, creating what is missing.

    Returns them by key (expired ones empty) and the database's time after the last lock was granted.
    """
    if not keys:
        return {}, db_now()
    if connection.vendor == "postgresql":
        return gates_locked(execute(*gates_locking(keys)))
    now = timezone.now()
    return {
        key: _gate(key, data, expires_at, now) for key, data, expires_at in _lock_rows(sorted(set(keys)))
    }, now


def gates_locking(keys: Collection[str]) -> tuple[str, list[str]]:
    """PostgreSQL's statement that does it, for whoever sends it together with others."""
    return _LOCK_ALL, [json_text(sorted(set(keys)))]


def gates_locked(rows: Iterable[tuple[Any, ...]]) -> tuple[dict[str, Gate], datetime]:
    """What that statement has given: times in microseconds, which cost less to read than times as text."""
    found = list(rows)
    now = _moment(max(row[3] for row in found))
    gates = {
        key: _gate(key, data, None if expiry is None else _moment(expiry), now)
        for key, data, expiry, _ in in_breaths_with_locks(found)
    }
    return gates, now


def _moment(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def gates_read(keys: Collection[str], at: datetime | None = None) -> tuple[dict[str, Gate], datetime]:
    """These rows as they are, without a lock and without creating any; as `gates_lock` returns them.

    With `at`, an instant ahead, as they will be then.
    """
    now, empty = at or db_now(), {key: gate_empty(key) for key in keys}
    rows = GateRow.objects.filter(key__in=list(keys)).values_list("key", "data", "expires_at") if keys else ()
    return {**empty, **{key: _gate(key, data, expires_at, now) for key, data, expires_at in rows}}, now


def _lock_rows(ordered: Sequence[str]) -> list[tuple[str, Any, Any]]:
    """SQLite bounds the values of one statement."""
    rows: list[tuple[str, Any, Any]] = []
    with connection.cursor() as cursor:
        for start in range(0, len(ordered), _MOST_VALUES):
            keys = ordered[start : start + _MOST_VALUES]
            values = ", ".join(["(%s, '{}', '1970-01-01')"] * len(keys))
            cursor.execute(f"{_INSERT} VALUES {values} {_OR_LOCK}, expires_at", keys)
            rows += cursor.fetchall()
    return rows


def _gate(key: str, data: Any, expires_at: Any, now: datetime) -> Gate:
    expiry = None if expires_at is None else stored_time(expires_at)
    if expiry is not None and expiry <= now:
        return gate_empty(key)
    return Gate(key, json.loads(data) if isinstance(data, str) else data, expiry)


def gates_write(gates: Iterable[Gate], writes: Writes | None = None) -> None:
    """Write back what was changed, in one statement; that of `writes` where given."""
    if connection.vendor == "postgresql":
        _update(gates, writes)
        return
    rows = [
        GateRow(key=gate.key, data=gate.data, expires_at=gate.expires_at) for gate in gates if gate.changed
    ]
    if rows:
        GateRow.objects.bulk_create(
            sorted(rows, key=lambda row: row.key),
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["data", "expires_at"],
        )


def _update(gates: Iterable[Gate], writes: Writes | None) -> None:
    rows = [
        {"key": gate.key, "data": gate.data, "expires_at": gate.expires_at} for gate in gates if gate.changed
    ]
    if not rows:
        return
    own = writes or Writes()
    own.add(_WRITE_ALL, json_text(rows))
    if writes is None:
        own.execute()


def tidy_gates(now: datetime, batch: int) -> int:
    """Delete rows whose time is over; one that is locked right now is in use again. Returns how many."""
    with transaction.atomic():
        over = GateRow.objects.select_for_update(skip_locked=True).filter(expires_at__lte=now)
        keys = list(over.order_by("expires_at").values_list("key", flat=True)[:batch])
        GateRow.objects.filter(key__in=keys).delete()
    return len(keys)
