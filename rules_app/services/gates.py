"""The rows behind the gates: created and locked by one statement in key order, written back by one.

A row whose `expires_at` has passed counts as empty, so a counter can never block for ever; the reaper deletes it.
Keys hold keyed hashes only: no personal data stands in an index.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from acteon_site.base.clock import db_now, stored_time
from acteon_site.base.connections import in_breaths_with_locks
from acteon_site.base.digest import keyed_hash
from acteon_site.base.statements import Writes, execute_in_turn, json_text
from rules_app.models import GateRow

Statement = tuple[str, list[Any]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_VALUES = 10_000
# DO UPDATE, not DO NOTHING: only an update locks a row that exists, and returns it.
_TABLE = GateRow._meta.db_table
_INSERT = f"INSERT INTO {_TABLE} (key, data, expires_at)"
_OR_LOCK = "ON CONFLICT (key) DO UPDATE SET key = EXCLUDED.key RETURNING key, data"
# What exists is locked and stays as it is: PostgreSQL locks what it then finds to be no case for an update, so no row
# is written twice. It gives nothing back of those, hence they are read by a statement of their own, which sees what was
# committed while this one waited.
_LOCK_ALL = f"""{_INSERT} SELECT fresh.key, '{{}}'::jsonb, 'epoch'::timestamptz
FROM json_array_elements_text(%s::json) WITH ORDINALITY AS fresh(key, turn) ORDER BY turn
ON CONFLICT (key) DO UPDATE SET key = EXCLUDED.key WHERE false"""  # noqa: S608 - names of our own
# Those in which something stands, and a last row with the time and what is asked beside.
_READ_ALL = f"""SELECT found.key, found.data::text, (extract(epoch FROM found.expires_at) * 1000000)::bigint
FROM json_array_elements_text(%s::json) AS asked(key) CROSS JOIN LATERAL (
    SELECT * FROM {_TABLE} WHERE {_TABLE}.key = asked.key
    AND ({_TABLE}.expires_at IS NULL OR {_TABLE}.expires_at > 'epoch') OFFSET 0
) AS found
UNION ALL SELECT NULL, ({{beside}})::text, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"""  # noqa: S608 - as above

# They exist, and are locked. No UPDATE, which would go through the whole table while the planner takes it for small.
# Of a log of slots only the new ones are told, and from where on the stored ones still count: PostgreSQL takes a
# microsecond to read one, and there may be thousands.
_WRITE_ALL = f"""{_INSERT} SELECT key, data, expires_at
FROM json_to_recordset(%s::json) AS fresh (key text, data jsonb, expires_at timestamptz)
ON CONFLICT (key) DO UPDATE SET expires_at = EXCLUDED.expires_at, data = CASE
    WHEN EXCLUDED.data ? 'slots_from' THEN EXCLUDED.data - '{{slots_from,slots_added}}'::text[]
        || jsonb_build_object('slots', jsonb_path_query_array(
        {_TABLE}.data, '$.slots[$slots_from to last]', EXCLUDED.data) || (EXCLUDED.data -> 'slots_added'))
    ELSE EXCLUDED.data END"""  # noqa: S608 - as above


@dataclass(slots=True)
class Gate:
    """A locked gate row. Change it with `put`; `gates_write` saves what was changed."""

    key: str
    data: dict[str, Any]
    expires_at: datetime | None
    changed: bool = False
    stored_slots: Sequence[int] = ()  # as the row has them

    def put(self, data: dict[str, Any], expires_at: datetime | None) -> None:
        self.data, self.expires_at, self.changed = data, expires_at, True

    def clear(self) -> None:
        self.put({}, _EPOCH)


def slots_without(gate: Gate, slot: int | None) -> tuple[list[int], list[int]]:
    """A throttle's slots, and those of them that are reserved, without the one that somebody had reserved."""
    slots, turns = list(gate.data.get("slots", ())), list(gate.data.get("turns", ()))
    for held in (slots, turns):
        if slot in held:
            held.remove(slot)
    return slots, turns


def slots_put(gate: Gate, slots: list[int], turns: list[int], expires_at: datetime | None) -> None:
    gate.put({"slots": slots, "turns": turns} if turns else {"slots": slots}, expires_at)


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
        return gates_locked(keys, execute_in_turn([gates_locking(keys), gates_asking(keys)]))
    now = timezone.now()
    return {
        key: _gate(key, data, expires_at, now) for key, data, expires_at in _lock_rows(sorted(set(keys)))
    }, now


def gates_locking(keys: Collection[str]) -> Statement:
    """PostgreSQL's statement that does it, for whoever sends it together with others. `gates_asking` follows it."""
    return _LOCK_ALL, [json_text(sorted(set(keys)))]


def gates_asking(keys: Collection[str], beside: Statement = ("NULL", [])) -> Statement:
    """What reads them, once they are locked, and a value `beside` them by an expression of SQL."""
    sql, parameters = beside
    return _reading(sql), [json_text(list(keys)), *parameters]


@cache
def _reading(beside: str) -> str:
    return _READ_ALL.format(beside=beside)


def gates_locked(keys: Collection[str], rows: Sequence[tuple[Any, ...]]) -> tuple[dict[str, Gate], datetime]:
    """What that statement has given: times in microseconds, which cost less to read than times as text."""
    *found, (_, _, us) = rows
    now = _moment(us)
    gates = {key: gate_empty(key) for key in keys}
    for key, data, expiry in in_breaths_with_locks(found):
        gates[key] = _gate(key, data, None if expiry is None else _moment(expiry), now)
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
    held = json.loads(data) if isinstance(data, str) else data
    return Gate(key, held, expiry, stored_slots=held.get("slots", ()))


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
        {"key": gate.key, "data": _change(gate), "expires_at": gate.expires_at}
        for gate in gates
        if gate.changed
    ]
    if not rows:
        return
    own = writes or Writes()
    own.add(_WRITE_ALL, json_text(rows))
    if writes is None:
        own.execute()


def _change(gate: Gate) -> dict[str, Any]:
    """Its data; of a log that only lost slots before and got some behind what it had, that."""
    slots, stored = gate.data.get("slots", ()), gate.stored_slots
    begin = bisect_left(stored, slots[0]) if slots and stored else len(stored)
    left = len(stored) - begin
    if not left or slots[:left] != stored[begin:]:
        return gate.data
    others = {name: value for name, value in gate.data.items() if name != "slots"}
    return {**others, "slots_from": begin, "slots_added": slots[left:]}


def tidy_gates(now: datetime, batch: int) -> int:
    """Delete rows whose time is over; one that is locked right now is in use again. Returns how many."""
    with transaction.atomic():
        over = GateRow.objects.select_for_update(skip_locked=True).filter(expires_at__lte=now)
        keys = list(over.order_by("expires_at").values_list("key", flat=True)[:batch])
        GateRow.objects.filter(key__in=keys).delete()
    return len(keys)
