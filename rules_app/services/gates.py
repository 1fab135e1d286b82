"""The rows behind the gates: created and locked by one statement in key order, written back by one.

A row whose `expires_at` has passed counts as empty, so a counter can never block for ever; the reaper deletes it.
Keys hold keyed hashes only: no personal data stands in an index.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from acteon_site.base.clock import db_now
from acteon_site.base.digest import keyed_hash
from rules_app.models import GateRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def dedup_key(namespace: str, tenant: str, action_type: str, value: str) -> str:
    return f"dedup:{keyed_hash(namespace, tenant, action_type, value)}"


def order_key(namespace: str, tenant: str, fingerprint: str) -> str:
    return f"order:{keyed_hash(namespace, tenant, fingerprint)}"


def throttle_key(namespace: str, tenant: str, rule: str, action_type: str) -> str:
    return f"throttle:{keyed_hash(namespace, tenant, rule, action_type)}"


def quota_key(quota_id: UUID, principal: str, window_begin: datetime) -> str:
    counted_for = keyed_hash(principal) if principal else ""
    return f"quota:{quota_id.hex}:{window_begin:%Y%m%dT%H%M%S}:{counted_for}"


def gates_lock(keys: Collection[str]) -> tuple[dict[str, Gate], datetime]:
    """Lock these rows until the transaction ends, in key order, creating what is missing.

    Returns them by key (expired ones empty) and the database's time after the last lock was granted.
    """
    ordered = sorted(set(keys))
    if not ordered:
        return {}, db_now()
    rows = _lock_rows(ordered)
    now: datetime = max(row[3] for row in rows) if connection.vendor != "sqlite" else timezone.now()
    now = now.astimezone(UTC)
    return {key: _gate(key, data, expires_at, now) for key, data, expires_at, _ in rows}, now


def gates_read(keys: Collection[str]) -> tuple[dict[str, Gate], datetime]:
    """These rows as they are, without a lock and without creating any; as `gates_lock` returns them."""
    now, empty = db_now(), {key: Gate(key, {}, _EPOCH) for key in keys}
    rows = GateRow.objects.filter(key__in=list(keys)).values_list("key", "data", "expires_at") if keys else ()
    return {**empty, **{key: _gate(key, data, expires_at, now) for key, data, expires_at in rows}}, now


def _lock_rows(ordered: Sequence[str]) -> list[tuple[str, Any, Any, Any]]:
    table = GateRow._meta.db_table
    clock = "NULL" if connection.vendor == "sqlite" else "clock_timestamp()"
    values = ", ".join(["(%s, '{}', %s)"] * len(ordered))
    # DO UPDATE, not DO NOTHING: only an update locks a row that exists, and returns it.
    sql = (
        f"INSERT INTO {table} (key, data, expires_at) VALUES {values} "  # noqa: S608 - a model's own table name
        f"ON CONFLICT (key) DO UPDATE SET key = EXCLUDED.key RETURNING key, data, expires_at, {clock}"
    )
    parameters = [part for key in ordered for part in (key, _EPOCH)]
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[str, Any, Any, Any]] = cursor.fetchall()
    return rows


def _gate(key: str, data: Any, expires_at: Any, now: datetime) -> Gate:
    expiry = _as_time(expires_at)
    if expiry is not None and expiry <= now:
        return Gate(key, {}, _EPOCH)
    return Gate(key, json.loads(data) if isinstance(data, str) else data, expiry)


def _as_time(value: Any) -> datetime | None:
    """SQLite hands raw SQL its text back."""
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return value if value is None else value.astimezone(UTC)


def gates_write(gates: Iterable[Gate]) -> None:
    """Write back what was changed, in one statement."""
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


def tidy_gates(now: datetime, batch: int) -> int:
    """Delete rows whose time is over; one that is locked right now is in use again. Returns how many."""
    with transaction.atomic():
        over = GateRow.objects.select_for_update(skip_locked=True).filter(expires_at__lte=now)
        keys = list(over.order_by("expires_at").values_list("key", flat=True)[:batch])
        GateRow.objects.filter(key__in=keys).delete()
    return len(keys)
