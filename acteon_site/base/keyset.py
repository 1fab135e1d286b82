"""Rows page by page by the values they are sorted by: each page costs the same, and none is missed or shown twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from acteon_site.base.replica import read_whole


@dataclass(frozen=True, slots=True)
class Keyset:
    """What rows are sorted by: names of columns that are never null, "-" before one that falls. The last is unique."""

    keys: tuple[str, ...]

    def position(self, row: Any) -> str:
        """Where the row stands, for `after` and an address."""
        values = [getattr(row, key.lstrip("-")) for key in self.keys]
        return json.dumps(
            [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
        )

    def after(self, rows: QuerySet[Any], position: str) -> QuerySet[Any]:
        """Those behind the position. Raises ValueError where it is none."""
        values = _values(rows, self.keys, position)
        first = self.keys[0]
        # The bound of the first column, which an index takes, and then the rest.
        behind = Q()
        for place, key in enumerate(self.keys):
            equal = {other.lstrip("-"): values[at] for at, other in enumerate(self.keys[:place])}
            behind |= Q(**equal, **{_beyond(key): values[place]})
        return rows.filter(**{f"{_beyond(first)}e": values[0]}).filter(behind)

    def reversed(self) -> Keyset:
        return Keyset(tuple(key[1:] if key.startswith("-") else f"-{key}" for key in self.keys))


def keyset_of(rows: QuerySet[Any]) -> Keyset | None:
    """By what the rows are sorted; None where that is no matter of columns alone."""
    keys = tuple(key for key in rows.query.order_by if isinstance(key, str))
    if not keys or len(keys) < len(rows.query.order_by):
        return None
    keys = tuple(key.replace("pk", rows.model._meta.pk.name) if key in ("pk", "-pk") else key for key in keys)
    return None if any(rows.model._meta.get_field(key.lstrip("-")).null for key in keys) else Keyset(keys)


def pages(rows: QuerySet[Any], keyset: Keyset, size: int) -> Iterator[list[Any]]:
    """All rows, a page at a time, each read for itself: from the replica, where there is one."""
    rows, position = rows.order_by(*keyset.keys), ""
    while True:
        page = read_whole(_reader(keyset.after(rows, position) if position else rows, size))
        if page:
            yield page
        if len(page) < size:
            return
        position = keyset.position(page[-1])


def _reader(rows: QuerySet[Any], size: int) -> Callable[[], list[Any]]:
    return lambda: list(rows[:size])


def _beyond(key: str) -> str:
    return f"{key[1:]}__lt" if key.startswith("-") else f"{key}__gt"


def _values(rows: QuerySet[Any], keys: Sequence[str], position: str) -> list[Any]:
    try:
        texts = json.loads(position)
        fields = [rows.model._meta.get_field(key.lstrip("-")) for key in keys]
        return [field.to_python(text) for field, text in zip(fields, texts, strict=True)]
    except (ValueError, TypeError, RecursionError, ValidationError) as error:
        raise ValueError(f"no position: {position[:80]!r}") from error
