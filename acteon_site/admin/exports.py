"""Lists as files: CSV and JSON Lines, streamed page by page, of what the list shows under its filters.

A page of rows is in memory at a time, each read by position: from the replica, where there is one. Where something
fails on the way the connection ends without its last chunk, so that no browser takes a part for the whole.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBadRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from acteon_site.base.breathing import in_breaths, making_way
from acteon_site.base.clock_text import rfc3339
from acteon_site.base.csv_lines import csv_line
from acteon_site.base.keyset import Keyset, keyset_of, pages

log = structlog.get_logger()
PAGE = 500
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
Columns = Mapping[str, str | Callable[[Any], Any]]


def export_answer(page: Any, request: HttpRequest, rows: QuerySet[Any], columns: Columns) -> HttpResponseBase:
    """The file that `format` names, of these rows."""
    if not page.has_view_permission(request):
        raise PermissionDenied
    log.info("exported", rows=page.opts.label_lower, actor=request.user.get_username())
    name = f"{page.opts.verbose_name_plural}-{timezone.now():%Y%m%d-%H%M%S}"
    return stream_answer(request, lambda kind: _pieces(rows, columns, kind), name)


def stream_answer(
    request: HttpRequest, pieces: Callable[[str], Iterator[str]], name: str, usual: str = "csv"
) -> HttpResponseBase:
    """A file of these pieces, made while it is sent; `pieces` is asked for the format that the request names."""
    kind = request.GET.get("format", usual)
    if kind not in TYPES:
        return HttpResponseBadRequest("format must be csv or jsonl")
    # A server of the ASGI sort would gather a plain iterator whole before it sends a byte.
    lines = pieces(kind)
    content: Any = _without_gathering(lines) if isinstance(request, ASGIRequest) else lines
    answer = StreamingHttpResponse(content, content_type=TYPES[kind])
    answer.headers["Content-Disposition"] = f'attachment; filename="{name.replace(" ", "-")}.{kind}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _pieces(rows: QuerySet[Any], columns: Columns, kind: str) -> Iterator[str]:
    """A piece for each page of rows."""
    keyset = keyset_of(rows) or Keyset((f"-{rows.model._meta.pk.name}",))
    yield file_head(columns, kind)
    for page in pages(rows, keyset, PAGE):
        with making_way():
            yield "".join(file_line(row, columns, kind) for row in in_breaths(page))


async def _without_gathering(pieces: Iterator[str]) -> AsyncIterator[str]:
    following = sync_to_async(lambda: next(pieces, None))
    while (piece := await following()) is not None:
        yield piece


def file_head(columns: Columns, kind: str) -> str:
    """Without a mark Excel takes UTF-8 for the letters of its country, and Zoë for ZoÃ«."""
    return f"\ufeff{csv_line(columns)}" if kind == "csv" else ""


def file_line(row: Any, columns: Columns, kind: str) -> str:
    cells = {name: _value(row, source) for name, source in columns.items()}
    if kind == "jsonl":
        return json.dumps(cells, ensure_ascii=False, default=str) + "\n"
    return csv_line(_cell(value) for value in cells.values())


def _value(row: Any, source: str | Callable[[Any], Any]) -> Any:
    value = source(row) if callable(source) else getattr(row, source)
    return rfc3339(value) if isinstance(value, datetime) else value


def _cell(value: Any) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str) if value else ""
    return "" if value is None else value
