"""Gate rows: what is put into them is what the next one finds, and what is only asked stays as it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from rules_app.services.gates import gates_lock, gates_write

KEY = "throttle:tried"
# Each as it may follow the one before: more behind, less in front, both, out of order, another log, none, long ones.
LOGS: tuple[list[int], ...] = (
    [10, 20],
    [10, 20, 30, 40],
    [30, 40],
    [40, 50, 60],
    [40, 55, 60],
    [5, 40, 55, 60],
    [70],
    [],
    [1],
    [1, 1, 1],
    [1, 1, 2],
    list(range(1, 3000)),
    list(range(1000, 3001)),
)


@pytest.mark.django_db
def test_a_log_is_found_as_it_was_put_whatever_it_was_before() -> None:
    for log in LOGS:
        with transaction.atomic():
            gates, now = gates_lock([KEY])
            gates[KEY].put({"slots": log}, now + timedelta(minutes=1))
            gates_write(gates.values())
        with transaction.atomic():
            found = gates_lock([KEY, "throttle:other"])[0]
        assert found[KEY].data == {"slots": log}
        assert found["throttle:other"].data == {}


@pytest.mark.django_db
def test_a_log_whose_time_is_over_begins_anew() -> None:
    with transaction.atomic():
        gates, now = gates_lock([KEY])
        gates[KEY].put({"slots": [1, 2, 3]}, now - timedelta(seconds=1))
        gates_write(gates.values())
    with transaction.atomic():
        gates, now = gates_lock([KEY])
        assert gates[KEY].data == {}
        gates[KEY].put({"slots": [3, 4]}, now + timedelta(minutes=1))
        gates_write(gates.values())
    assert gates_lock([KEY])[0][KEY].data == {"slots": [3, 4]}


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_row_that_is_only_locked_is_not_written() -> None:
    def place() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ctid::text FROM rules_app_gaterow WHERE key = %s", [KEY])
            row = cursor.fetchone()
        return str(row and row[0])

    gates, _ = gates_lock([KEY])
    gates[KEY].put({"slots": [1]}, timezone.now() + timedelta(minutes=1))
    gates_write(gates.values())
    before = place()
    assert gates_lock([KEY])[0][KEY].data == {"slots": [1]}
    assert place() == before
