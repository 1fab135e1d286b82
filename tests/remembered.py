"""Rows that many tests begin with: made once a process, then put back."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from copy import copy
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model

Statement = tuple[str, Any]


class RememberedRows:
    """What `make` writes. The second time its rows are put back by the ORM, and from then on by the statements that
    did it, which cost a fifth of making them; on PostgreSQL all of them in one message.

    `clear` takes away what an empty database has of them.
    """

    def __init__(self, make: Callable[[], object], clear: Callable[[list[Model]], object] = len) -> None:
        self._make, self._clear = make, clear
        self._rows: list[Model] = []
        self._statements: list[Statement] = []
        self._text = ""

    def put(self) -> None:
        with transaction.atomic():
            if not self._rows:
                self._rows = _rows_that(self._make)
            elif not self._statements:
                with connection.execute_wrapper(self._remember):
                    self._put_back()
            else:
                self._say_again()

    def _put_back(self) -> None:
        self._clear(self._rows)
        for model, rows in itertools.groupby(self._rows, type):
            model._default_manager.bulk_create(copy(row) for row in rows)

    def _remember(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self._statements.append((sql, params))
        return execute(sql, params, many, context)

    def _say_again(self) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                self._text = self._text or _in_one_text(self._statements)
                cursor.execute(self._text)
                return
            for sql, params in self._statements:
                cursor.execute(sql, params)


def _in_one_text(statements: list[Statement]) -> str:
    """All of them with their values written out."""
    client = psycopg.ClientCursor(connection.connection)
    return ";".join(client.mogrify(sql, params) for sql, params in statements)


def _rows_that(write: Callable[[], object]) -> list[Model]:
    """All rows that this makes."""
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    before = {model: set(model._default_manager.values_list("pk", flat=True)) for model in models}
    write()
    return [row for model in models for row in model._default_manager.exclude(pk__in=before[model])]
