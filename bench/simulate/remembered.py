"""Statements that Django has made once are remembered by their shape: making them is most of what a life costs.

What a queryset is asked for is only told at first, as shapes and values (shapes.py). Its rows are then read by the
statement that Django made when those shapes were first read, with these values in their places. Which place is whose
is learnt by having Django make it twice, with these values and with others; where that leaves a doubt, and for what
has no shape (expressions, related rows), Django makes the statement each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from unittest.mock import patch
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Manager, Model, QuerySet
from django.db.models.sql import Query

from bench.simulate.shapes import (
    KINDS,
    Asked,
    UntoldError,
    asked_by_name,
    asked_of_values,
    given_again,
)

Shapes = tuple[Asked, ...]


@dataclass(frozen=True)
class Statement:
    """`places` has for each parameter the number of its value, or what it always is. Without `sql` no row is found."""

    made: Any
    compiler: Any = None
    sql: str = ""
    places: tuple[tuple[int | None, Any], ...] = ()
    converters: Any = None

    def rows(self, values: Sequence[Any]) -> list[Any]:
        if not self.sql:
            return []
        compiler = self._with(values)
        query = _copy(self.made.query, get_compiler=lambda *_, **__: compiler)
        made = _copy(self.made, _query=query)
        return list(made._iterable_class(made))

    def finds_some(self, values: Sequence[Any]) -> bool:
        return bool(self.sql) and bool(self._with(values).has_results())

    def _with(self, values: Sequence[Any]) -> Any:
        """A compiler that has made it of these values, on the connection of now."""
        places = self.places
        told = tuple(fixed if number is None else _stored(values[number]) for number, fixed in places)
        return _copy(
            self.compiler,
            connection=connections[DEFAULT_DB_ALIAS],
            as_sql=lambda: (self.sql, told),
            get_converters=lambda expressions: self.converters,
        )


def _told_first(method: str, told_by: Callable[..., Asked]) -> Any:
    """A method of a queryset that is only told, where it can be."""

    def ask(rows: Remembered, *args: Any, **kwargs: Any) -> Any:
        values = list(rows._given)
        with suppress(UntoldError):
            if rows._told is not None:
                return rows._and(told_by(method, args, kwargs, values), values)
        return getattr(super(Remembered, rows), method)(*args, **kwargs)

    return ask


class Remembered(QuerySet[Any]):
    """Told by shapes until somebody needs the query itself: then it is as any other."""

    _told: Shapes | None = None
    _given: Sequence[Any] = ()

    def __init__(self, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
        told = query is None and using is None and not hints
        super().__init__(model, _no_query(model) if told else query, using, hints)
        self._told = () if told else None

    filter: Any = _told_first("filter", asked_of_values)
    exclude: Any = _told_first("exclude", asked_of_values)
    all: Any = _told_first("all", asked_by_name)
    annotate: Any = _told_first("annotate", asked_by_name)
    order_by: Any = _told_first("order_by", asked_by_name)
    only: Any = _told_first("only", asked_by_name)
    defer: Any = _told_first("defer", asked_by_name)
    values: Any = _told_first("values", asked_by_name)
    values_list: Any = _told_first("values_list", asked_by_name)
    select_related: Any = _told_first("select_related", asked_by_name)
    select_for_update: Any = _told_first("select_for_update", asked_by_name)
    _slice: Any = _told_first("__getitem__", asked_by_name)

    @property
    def query(self) -> Any:
        if self._told is not None:
            made, self._told = _made(self.model, self._told, self._given), None
            self.__dict__.update(made.__dict__ | {"_result_cache": self._result_cache})
        return QuerySet.query.fget(self)  # type: ignore[attr-defined]

    @query.setter
    def query(self, query: Any) -> None:
        QuerySet.query.fset(self, query)  # type: ignore[attr-defined]

    def __getitem__(self, place: Any) -> Any:
        known = self._result_cache is not None or not isinstance(place, slice) or place.step
        return super().__getitem__(place) if known else self._slice(place)

    def first(self) -> Any:
        if self._told is None or self.model._meta.ordering:
            return super().first()
        ordered = any(asked.method == "order_by" for asked in self._told)
        return next(iter((self if ordered else self.order_by("pk"))[:1]), None)

    def exists(self) -> bool:
        statement = self._statement("exists")
        return super().exists() if statement is None else statement.finds_some(self._given)

    def iterator(self, *args: Any, **kwargs: Any) -> Any:
        self.query  # noqa: B018 - it says what the rows will be
        return super().iterator(*args, **kwargs)

    def _fetch_all(self) -> None:
        statement = self._statement("rows")
        if statement is not None:
            self._result_cache = statement.rows(self._given)
        elif self._told is None or self._result_cache is None:
            self.query  # noqa: B018 - as above
            super()._fetch_all()  # type: ignore[misc]

    def _and(self, asked: Asked, values: Sequence[Any]) -> Remembered:
        more = type(self)(self.model)
        more._told, more._given = (*(self._told or ()), asked), values
        return more

    def _statement(self, wanted: str) -> Statement | None:
        if self._told is None or self._result_cache is not None:
            return None
        key = self.model, self._told, wanted
        if key not in _statements:
            _statements[key] = _learnt(*key, self._given)
        return _statements[key]


_statements: dict[tuple[type[Model], Shapes, str], Statement | None] = {}


@contextmanager
def remembering() -> Iterator[None]:
    with patch.object(Manager, "_queryset_class", Remembered):
        yield


def _learnt(model: type[Model], told: Shapes, wanted: str, values: Sequence[Any]) -> Statement | None:
    """None where it is not certain which parameter is which value's, or whether others have the same statement."""
    made, compiler, sql, parameters = _compiled(model, told, wanted, values)
    others = [_other(value, number) for number, value in enumerate(values)]
    *_, other_sql, other_parameters = _compiled(model, told, wanted, others)
    if sql != other_sql or len(parameters) != len(other_parameters):
        return None
    if not sql:
        return Statement(made)
    numbers = {_stored(other): number for number, other in enumerate(others)}
    places = tuple(
        (numbers.get(other), mine) for mine, other in zip(parameters, other_parameters, strict=True)
    )
    taken = {number for number, _ in places if number is not None}
    for (number, mine), other in zip(places, other_parameters, strict=True):
        if mine != (other if number is None else _stored(values[number])):
            return None
    if len(taken) < len(values):
        return None
    converters = compiler.get_converters([column[0] for column in compiler.select[: compiler.col_count]])
    return Statement(made, compiler, sql, places, converters)


def _compiled(
    model: type[Model], told: Shapes, wanted: str, values: Sequence[Any]
) -> tuple[Any, Any, str, Sequence[Any]]:
    """The queryset, a compiler that has made its statement, the statement and its parameters."""
    made = _made(model, told, values)
    query = made.query.exists() if wanted == "exists" else made.query
    compiler = query.get_compiler(DEFAULT_DB_ALIAS)
    try:
        return (made, compiler, *compiler.as_sql())
    except EmptyResultSet:
        return made, compiler, "", ()


def _made(model: type[Model], told: Shapes, values: Sequence[Any]) -> Any:
    """As Django has it."""
    made, left = QuerySet(model), iter(values)
    for asked in told:
        args, kwargs = given_again(asked, left)
        made = getattr(made, asked.method)(*args, **kwargs)
    return made


def _other(value: Any, number: int) -> Any:
    """Of its kind, and like no other."""
    kind = next(kind for kind in KINDS if isinstance(value, kind))
    others = {
        str: f"other {number}",
        int: 10**9 + number,
        UUID: UUID(int=number),
        datetime: datetime(1999, 1, 1, tzinfo=UTC) + timedelta(number),
    }
    return others[kind]


def _stored(value: Any) -> Any:
    """As a parameter of SQLite's."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return connections[DEFAULT_DB_ALIAS].ops.adapt_datetimefield_value(value)
    return value


@cache
def _no_query(model: type[Model]) -> Query:
    """In place of one that is not needed yet; nobody changes it."""
    return Query(model)


def _copy(of: Any, **changed: Any) -> Any:
    copy = object.__new__(type(of))
    copy.__dict__ = {**of.__dict__, **changed}
    return copy
