"""What passes on PostgreSQL's wire is counted right, however the bytes are cut."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from bench.wire import Counts, Reader, Seen, before_commit


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


STARTUP = message(b"", struct.pack("!I", 80877103)) + message(b"", struct.pack("!I", 196608) + b"user\0x\0\0")
TALK = (
    message(b"Q", b"BEGIN\0"),
    message(b"P", b"one\0INSERT INTO a VALUES ($1)\0\0\0")
    + message(b"B", b"\0one\0\0\0")
    + message(b"E", b"\0" + b"\0\0\0\0"),
    message(b"B", b"\0one\0\0\0") + message(b"E", b"\0\0\0\0\0") + message(b"Q", b"COMMIT\0"),
)


def said(reader: Reader, chunks: Sequence[bytes]) -> list[Seen]:
    return [seen for chunk in chunks for seen in reader.sent(chunk)]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_statements_are_read_whatever_the_cuts(size: int) -> None:
    reader, sent = Reader(1), STARTUP + b"".join(TALK)
    seen = said(reader, [sent[start : start + size] for start in range(0, len(sent), size)])
    insert = "INSERT INTO a VALUES ($1)"
    assert [one.statement for one in seen] == ["BEGIN", insert, insert, "COMMIT"]


def test_a_trip_begins_after_the_server_has_spoken() -> None:
    reader, seen = Reader(1), []
    for chunk in (STARTUP, *TALK):
        seen += reader.sent(chunk)
        reader.answered = True
    assert [one.trip for one in seen] == [2, 3, 4, 4]
    assert before_commit(seen) == Counts(statements=3, trips=3)


def test_a_commit_of_another_connection_that_only_read_is_no_end() -> None:
    seen = [Seen(1, 1, "SELECT 1"), Seen(1, 2, "COMMIT"), Seen(2, 1, "INSERT INTO a"), Seen(2, 2, "COMMIT")]
    assert before_commit(seen) == Counts(statements=3, trips=3)
