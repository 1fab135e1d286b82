"""Transactions whose BEGIN and COMMIT travel with the statements, unasked, end as any other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from acteon_site.base.statements import execute, pipelined
from rules_app.models import GateRow

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
IDLE = "IDLE"
INSERT = "INSERT INTO rules_app_gaterow (key, data) VALUES (%s, '{}')"


def state() -> str:
    """Of the connection's transaction, once it has no pipeline any more."""
    return str(connection.connection.info.transaction_status.name)


def stored() -> set[str]:
    """As another connection sees it."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT key FROM rules_app_gaterow")
            return {key for (key,) in cursor.fetchall()}
    finally:
        other.close()


def insert(*keys: str, then: Callable[[], object] = bool) -> None:
    with pipelined(), transaction.atomic():
        for key in keys:
            execute(INSERT, [key], reads=False)
        then()


def test_one_that_only_reads_is_over_with_its_block() -> None:
    with pipelined(), transaction.atomic():
        assert execute("SELECT 1", []) == [(1,)]
    assert state() == IDLE
    with pipelined(), transaction.atomic():
        pass
    assert state() == IDLE


def test_what_was_answered_before_the_commit_is_committed_too() -> None:
    with pipelined(), transaction.atomic():
        assert execute(f"{INSERT} RETURNING 1", ["read"]) == [(1,)]
        assert GateRow.objects.count() == 1
    assert stored() == {"read"}
    with pipelined(), transaction.atomic():
        execute(INSERT, ["unread"], reads=False)
    assert stored() == {"read", "unread"}
    assert state() == IDLE


def test_what_the_database_refuses_is_raised_and_undone_whole() -> None:
    with pytest.raises(IntegrityError):
        insert("one", "one")
    assert (state(), stored()) == (IDLE, set())


def test_what_the_program_gives_up_is_undone() -> None:
    with pytest.raises(ZeroDivisionError):
        insert("one", then=lambda: 1 / 0)
    assert (state(), stored()) == (IDLE, set())


def test_transactions_after_it_are_their_own() -> None:
    told: list[str] = []
    with pipelined():
        for key in ("one", "two"):
            with transaction.atomic():
                execute(INSERT, [key], reads=False)
                transaction.on_commit(lambda: told.append("committed"))
    with transaction.atomic():
        execute(INSERT, ["three"], reads=False)
    assert stored() == {"one", "two", "three"}
    assert told == ["committed"] * 2
    assert connection.connection.autocommit
