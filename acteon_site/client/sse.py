"""Server-Sent Events, as /v1/stream writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One frame. `id` is what Last-Event-ID resumes from."""

    id: str
    type: str
    data: Mapping[str, Any]


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Whole lines. Splits at LF only: str.splitlines would also split at U+2028 inside a JSON text."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode()


def events_of(lines: Iterable[str]) -> Iterator[StreamEvent]:
    """The frames in `lines`; comments (`: ping`) are skipped. Raises ValueError for data that is no JSON."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            yield StreamEvent(
                fields.get("id", ""), fields.get("event", "message"), json.loads(fields["data"])
            )
            fields = {}
