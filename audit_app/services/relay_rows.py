"""What the relay reads and writes for a batch: by one statement each, past the ORM, which cost more than the hashes.

PostgreSQL gives identifiers as the texts that a seal covers (audit_app/records/sealing.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.db import connection, models

from acteon_site.base.statements import execute
from audit_app.models import AuditRecord
from audit_app.records.sealing import READ_FIELDS

Scope = tuple[str, str]
Record = dict[str, Any]
# A head: the last sequence number given in a namespace and tenant, and the hash of its record.
Head = tuple[int, str]

_AS_TEXT: Mapping[type[Any], str] = {
    models.UUIDField: "{}::text",
    models.JSONField: "{}::text",
}
_SEAL = """
    UPDATE audit_app_auditrecord
    SET number = fresh.number, sequence_number = fresh.sequence_number,
        previous_hash = fresh.previous_hash, record_hash = fresh.record_hash
    FROM {rows}
    WHERE audit_app_auditrecord.id = fresh.id
"""
_SEALS = {
    "id": "uuid",
    "number": "bigint",
    "sequence_number": "bigint",
    "previous_hash": "text",
    "record_hash": "text",
}
# WHERE: else SQLite takes ON CONFLICT for the condition of a join.
_PUT_HEADS = """
    INSERT INTO audit_app_audithead
        (namespace, tenant, sequence_number, record_hash, reaped_sequence, reaped_hash)
    SELECT namespace, tenant, sequence_number, record_hash, 0, '' FROM {rows} WHERE true
    ON CONFLICT (namespace, tenant) DO UPDATE
    SET sequence_number = excluded.sequence_number, record_hash = excluded.record_hash
"""
_HEADS = {"namespace": "text", "tenant": "text", "sequence_number": "bigint", "record_hash": "text"}


def records_unsealed(most: int) -> list[Record]:
    """The oldest records without a number, by READ_FIELDS."""
    if connection.vendor != "postgresql":
        waiting = AuditRecord.objects.filter(number=None).order_by("id").values(*READ_FIELDS)
        return list(waiting[:most])
    return [_record(row) for row in execute(_reading(), [most])]


def _record(row: tuple[Any, ...]) -> Record:
    record = dict(zip(READ_FIELDS, row, strict=True))
    for name in _json_names():
        text = record[name]
        if text is not None:
            record[name] = {} if text == "{}" else json.loads(text)
    return record


@cache
def _json_names() -> tuple[str, ...]:
    fields = (AuditRecord._meta.get_field(name) for name in READ_FIELDS)
    return tuple(field.name for field in fields if isinstance(field, models.JSONField))


@cache
def _reading() -> str:
    columns = [
        _AS_TEXT.get(type(AuditRecord._meta.get_field(name)), "{}").format(name) for name in READ_FIELDS
    ]
    return (
        f"SELECT {', '.join(columns)} FROM audit_app_auditrecord "  # noqa: S608 - our own names
        "WHERE number IS NULL ORDER BY id LIMIT %s"
    )


def seals_store(records: Iterable[Record]) -> None:
    # SQLite keeps a UUID as 32 hex digits; PostgreSQL reads that spelling too.
    rows = [
        {**{name: record[name] for name in _SEALS}, "id": str(record["id"]).replace("-", "")}
        for record in records
    ]
    _write(_SEAL, _SEALS, rows)


def heads_store(heads: Mapping[Scope, Head]) -> None:
    """The caller holds the lock of the relay, and of the heads that exist."""
    rows = [
        dict(zip(_HEADS, (*scope, number, digest), strict=True)) for scope, (number, digest) in heads.items()
    ]
    _write(_PUT_HEADS, _HEADS, rows)


def _write(statement: str, types: Mapping[str, str], rows: list[Record]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(rows=_rows(types)), [json.dumps(rows)])


def _rows(types: Mapping[str, str]) -> str:
    if connection.vendor == "postgresql":
        columns = ", ".join(f"{name} {type_}" for name, type_ in types.items())
        return f"json_to_recordset(%s::json) AS fresh({columns})"
    columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in types)
    return f"(SELECT {columns} FROM json_each(%s)) AS fresh"  # noqa: S608 - our own names
