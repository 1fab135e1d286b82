"""Rows that are written in sets are stored as the ORM stores them, on either database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, models

from acteon_site.base.many_rows import _update, rows_insert, rows_insert_in_order, rows_update, rows_upsert
from audit_app.models import Event
from chains_app.models import Run
from chains_app.states import RunStatus
from rules_app.models import GateRow

pytestmark = pytest.mark.django_db
MOMENT = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
OTHERWISE = {"id", "origin"}  # encrypted anew each time


def run(**changed: Any) -> Run:
    common = {"chain_name": "it's", "namespace": "n", "tenant": "ü", "provider": "p", "action_type": "t"}
    said = {"kind": "chain", "action_id": "a", "origin": {"payload": {"n": 1}}, "spec": [{"name": "é"}]}
    return Run.made(**{**common, **said, "started_at": MOMENT, "updated_at": MOMENT, **changed})


def stored(row: models.Model) -> dict[str, Any]:
    """As the database has it."""
    key = row._meta.pk.get_db_prep_value(row.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {row._meta.db_table} WHERE id = %s", [key])
        names = [column[0] for column in cursor.description or ()]
        (found,) = cursor.fetchall()
    return {name: value for name, value in zip(names, found, strict=True) if name not in OTHERWISE}


def test_new_rows() -> None:
    ours, also, djangos = run(lease_token=UUID(int=7)), run(), run(lease_token=UUID(int=7))
    rows_insert([ours, also])
    Run.objects.bulk_create([djangos])
    assert stored(ours) == stored(djangos) != stored(also)
    assert Run.objects.get(pk=ours.pk).origin == {"payload": {"n": 1}}
    assert not ours._state.adding


def test_changed_rows() -> None:
    ours, djangos = run(), run()
    Run.objects.bulk_create([ours, djangos])
    changed = ["status", "next_run_at", "reply", "lease_token"]
    for row in (ours, djangos):
        row.status, row.next_run_at, row.reply, row.error = RunStatus.FAILED, MOMENT, {"a": [1]}, "not told"
    rows_update([ours], changed)
    djangos.save(update_fields=changed)
    assert stored(ours) == stored(djangos)
    assert Run.objects.get(pk=ours.pk).error == ""


@pytest.mark.postgres
def test_a_change_is_made_by_the_index_while_the_planner_knows_nothing_of_the_table() -> None:
    with connection.cursor() as cursor:
        # One of this connection's own stands before the other, which autovacuum may have looked at meanwhile.
        cursor.execute(
            "CREATE TEMPORARY TABLE rules_app_gaterow (LIKE public.rules_app_gaterow INCLUDING ALL) ON COMMIT DROP"
        )
        cursor.execute(
            "INSERT INTO rules_app_gaterow SELECT 'k' || n, '{}'::jsonb, NULL FROM generate_series(1, 2000) AS n"
        )
        cursor.execute(f"EXPLAIN {_update(GateRow, ('key', 'data'))}", ["[]"])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index" in plan
    assert "Seq Scan" not in plan


def test_rows_that_are_there_already_are_changed_and_others_are_new() -> None:
    known, fresh = run(), run()
    rows_insert([known])
    for row in (known, fresh):
        row.status, row.error = RunStatus.FAILED, "why"
    rows_upsert([known, fresh], ["status"])
    assert (stored(known)["status"], stored(known)["error"]) == ("failed", "")
    assert (stored(fresh)["status"], stored(fresh)["error"]) == ("failed", "why")


def test_rows_that_happened_in_this_order() -> None:
    said = {
        "type": "note",
        "namespace": "n",
        "tenant": "t",
        "provider": "",
        "action_type": "",
        "chain_id": "",
    }
    rows = [
        {**said, "action_id": name, "data": {"it": name}, "created_at": MOMENT}
        for name in ("first", "second\x00")
    ]
    rows_insert_in_order(Event, rows)
    first, second = Event.objects.order_by("id")
    twin = Event.objects.create(**rows[0])
    assert stored(first) == stored(twin)
    assert (second.action_id, second.data) == ("second\ufffd", {"it": "second\ufffd"})
