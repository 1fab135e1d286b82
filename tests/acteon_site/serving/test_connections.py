"""What arrives on a connection, byte by byte: read as it was meant, or refused before it costs anything."""

from __future__ import annotations

import json
import time

import pytest

from acteon_site.client.lifecycle import order_action
from tests.acteon_site.serving.quick_web import SECONDS
from tests.acteon_site.serving.raw import HOST, Wire, hear

pytestmark = pytest.mark.embedded

MIB = 1024 * 1024
HEALTH = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
TRIED = b"POST /v1/dispatch?dry_run=true HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAA\r\n"


def order(note: str = "") -> bytes:
    action = order_action("WIRE-1", "ecommerce", "acme-store")
    action["payload"]["note"] = note
    return json.dumps(action).encode()


def length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body)


def chunks(body: bytes, size: int) -> list[bytes]:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]


# Bodies


@pytest.mark.parametrize("size", [1, 50, 10_000])
def test_a_chunked_body_is_read_like_any_other(wire: Wire, size: int) -> None:
    body = b"".join(chunks(order(), size))
    heard = wire.send(TRIED + wire.signed + CHUNKED + body, enough=1)
    assert heard.statuses == [200]
    assert b"DryRun" in heard.raw


def test_a_chunked_body_may_come_in_any_pieces(wire: Wire) -> None:
    body = b"".join(chunks(order(), 100))
    pieces = [body[start : start + 37] for start in range(0, len(body), 37)]
    assert wire.send(TRIED + wire.signed + CHUNKED, *pieces, enough=1).statuses == [200]


def test_a_large_body_of_a_known_caller_is_read_to_its_end(wire: Wire) -> None:
    body = order("x" * (MIB + MIB // 2))
    heard = wire.send(TRIED + wire.signed + length(body), body[:1000], body[1000:], enough=1)
    assert heard.statuses == [200]


def test_a_declared_length_above_the_limit_is_refused_before_anything_of_it_came(wire: Wire) -> None:
    heard = wire.send(TRIED + b"Content-Length: %d\r\n\r\n" % (2 * MIB + 1))
    assert heard.statuses == [413]
    assert heard.error()["code"] == "TOO_LARGE"


def test_a_chunked_body_is_cut_off_at_the_limit(wire: Wire) -> None:
    endless = chunks(b"x" * 3 * MIB, 32 * 1024)[:-1]
    heard = wire.send(TRIED + wire.signed + CHUNKED, *endless, pause=0)
    assert heard.statuses == [413]
    assert heard.error()["code"] == "TOO_LARGE"


@pytest.mark.parametrize("key", [b"", b"X-API-Key: acteon_nobody-has-this-key\r\n"])
def test_without_a_valid_key_no_body_is_waited_for(wire: Wire, key: bytes) -> None:
    heard = wire.send(TRIED + key + b"Content-Length: 2000000\r\n\r\n", enough=1)
    assert heard.statuses == [401]


def test_what_follows_an_unread_body_is_a_request_of_its_own(wire: Wire) -> None:
    body = b"x" * 200_000
    with wire.open() as connection:
        connection.sendall(TRIED + length(body))
        assert hear(connection, 1).statuses == [401]
        connection.sendall(body + HEALTH)
        assert hear(connection, 1).statuses == [200]


def test_sign_in_reads_what_a_stranger_sends_as_far_as_a_form_goes(wire: Wire) -> None:
    head = b"POST /v1/auth/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    body = b'{"username": "nobody", "password": "nothing"}'
    heard = wire.send(head + length(body), body[:10], body[10:], enough=1, pause=0.3)
    assert heard.statuses == [401]
    assert b"username or password is wrong" in heard.raw
    flood = b"x" * MIB
    heard = wire.send(head + length(flood), flood[:10], flood[10:], enough=1)
    assert heard.statuses == [413]


def test_a_body_that_ends_early_places_nothing(wire: Wire) -> None:
    body = order()
    with wire.open() as connection:
        connection.sendall(TRIED + wire.signed + length(body) + body[:-1])
        connection.shutdown(1)
        assert hear(connection).raw == b""


# Heads


@pytest.mark.parametrize("count", [100, 101])
def test_a_request_has_at_most_a_hundred_headers(wire: Wire, count: int) -> None:
    more = b"".join(b"X-%d: a\r\n" % number for number in range(count - 1))
    heard = wire.send(HEALTH[:-2] + more + b"\r\n", enough=1)
    assert heard.statuses == [200 if count == 100 else 431]


@pytest.mark.parametrize(
    "pieces",
    [
        [HEALTH[:-2] + b"X-Long: " + b"a" * 66_000 + b"\r\n\r\n"],
        [HEALTH[:-2]] + [b"X-%d: " % number + b"a" * 8000 + b"\r\n" for number in range(50)],
        [HEALTH[:-2] + b"X-Endless: "] + [b"a" * 50_000] * 50,
        [b"GET /health?"] + [b"a" * 50_000] * 50,
        [TRIED + CHUNKED + b"0\r\n"] + [b"X-Trailer: " + b"a" * 50_000 + b"\r\n"] * 50,
        [TRIED + CHUNKED + b"1;"] + [b"a" * 50_000] * 50,
    ],
    ids=[
        "one header",
        "many headers",
        "an endless header",
        "an endless path",
        "trailers",
        "a chunk's extension",
    ],
)
def test_more_than_64_kib_of_headers_is_refused_and_closed(wire: Wire, pieces: list[bytes]) -> None:
    heard = wire.send(*pieces, pause=0)
    assert heard.closed
    assert heard.statuses in ([431], [401, 431], [401])


def test_trailers_become_no_headers(wire: Wire) -> None:
    body = b"".join(chunks(order(), 1000)).removesuffix(b"\r\n")
    heard = wire.send(TRIED + CHUNKED, body + wire.signed + b"\r\n", enough=1, pause=0)
    assert heard.statuses == [401]


# Two readings of one request


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_an_offer_of_h2c_is_answered_as_if_nothing_had_been_offered(
    wire: Wire, chunked: bool, key: bool
) -> None:
    signed = wire.signed if key else b""
    body = b"".join(chunks(order(), 60)) if chunked else order()
    head = TRIED + signed + H2C + (CHUNKED if chunked else length(body))
    for pieces in ([head + body + HEALTH], [head, body[:40], body[40:], HEALTH]):
        heard = wire.send(*pieces, enough=2)
        assert heard.statuses == [200 if key else 401, 200]


def test_the_body_of_an_offer_is_never_read_as_a_request(wire: Wire) -> None:
    body = b"GET /v1/audit HTTP/1.1\r\n" + HOST + wire.signed + b"\r\n"
    head = TRIED + wire.signed + H2C + length(body)
    heard = wire.send(head, body, HEALTH, enough=2)
    assert heard.statuses == [400, 200]
    assert b'"status":"ok"' in heard.raw


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: 4, 5\r\n",
        b"Content-Length: +4\r\n",
        b"Content-Length: -4\r\n",
        b"Content-Length: 0x4\r\n",
        b"Content-Length : 4\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding:\r\n chunked\r\n",
        b"X-Folded: a\r\n b\r\n",
        b"X-Bare: a\nContent-Length: 4\r\n",
        b"X-Bare: a\rb\r\n",
        b"X-Nul: a\x00b\r\n",
        b"Host: elsewhere\r\n",
    ],
)
def test_what_two_readers_could_read_differently_is_refused_and_closed(wire: Wire, head: bytes) -> None:
    heard = wire.send(TRIED + wire.signed + head + b"\r\n0\r\n\r\n" + HEALTH)
    assert heard.statuses == [400]
    assert heard.error()["code"] == "MALFORMED"


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /health HTTP/1.1\nHost: localhost\n\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n",
        b"POST /health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"GET http://elsewhere/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=[
        "bare LF",
        "a bare LF at the end",
        "no host",
        "connect",
        "chunks in 1.0",
        "h2",
        "TLS",
        "HTTP/0.9",
        "HTTP/2.0",
        "two hosts",
    ],
)
def test_what_is_no_request_is_refused_and_closed(wire: Wire, request_: bytes) -> None:
    assert wire.send(request_ + HEALTH).statuses == [400]


def test_a_target_in_absolute_form_is_answered(wire: Wire) -> None:
    heard = wire.send(b"GET http://LOCALHOST/health HTTP/1.1\r\nHost: localhost\r\n\r\n", enough=1)
    assert heard.statuses == [200]


def test_http_1_0_is_answered_and_closed(wire: Wire) -> None:
    heard = wire.send(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert heard.statuses == [200]
    assert heard.closed


def test_pipelined_requests_are_answered_in_their_order(wire: Wire) -> None:
    body = order()
    heard = wire.send(
        HEALTH + TRIED + wire.signed + length(body) + body + TRIED + length(b"") + HEALTH, enough=4
    )
    assert heard.statuses == [200, 200, 401, 200]


def test_a_flood_of_pipelined_requests_is_answered_in_part_and_closed(wire: Wire) -> None:
    heard = wire.send(HEALTH * 500)
    assert heard.closed
    assert heard.statuses == [200] * len(heard.statuses)
    assert 1 <= len(heard.statuses) < 500


def test_nonsense_behind_a_good_request_does_not_cost_it_its_answer(wire: Wire) -> None:
    body = order()
    heard = wire.send(TRIED + wire.signed + length(body) + body + b"nonsense\r\n\r\n")
    assert heard.closed
    assert heard.statuses == [200]


# Time


@pytest.mark.parametrize(
    ("first", "more", "statuses"),
    [
        (b"", b"", []),
        (b"\r\n", b"\r\n", []),
        (HEALTH[:-2], b"X-Slow: a\r\n", [408]),
        (HEALTH, b"", [200]),
        (HEALTH, b"\r\n", [200]),
    ],
    ids=["silent", "blank lines", "a slow head", "idle", "idle with blank lines"],
)
def test_a_connection_whose_next_request_does_not_come_in_time_is_closed(
    wire: Wire, first: bytes, more: bytes, statuses: list[int]
) -> None:
    heard = wire.send(first, *[more] * 8, pause=SECONDS / 4)
    assert heard.closed
    assert heard.statuses == statuses


def test_a_body_that_does_not_come_in_time_is_given_up(wire: Wire) -> None:
    heard = wire.send(TRIED + wire.signed + b"Content-Length: 2000\r\n\r\n", *[b"x"] * 8, pause=SECONDS / 4)
    assert heard.statuses == [408]
    assert heard.error()["retryable"]


def test_an_event_stream_stays_open_beyond_all_of_these_times(wire: Wire) -> None:
    with wire.open() as connection:
        connection.sendall(b"GET /v1/stream HTTP/1.1\r\n" + HOST + wire.signed + b"\r\n")
        time.sleep(SECONDS * 2)
        came = connection.recv(65536)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):  # neither closed nor anything more to read
            connection.recv(65536)
    assert came.startswith(b"HTTP/1.1 200 ")


# Crowds


def test_a_crowd_that_sends_without_end_leaves_the_gateway_answering(wire: Wire) -> None:
    crowd = [wire.open() for _ in range(200)]
    try:
        for connection in crowd:
            connection.sendall(HEALTH[:-2] + b"X-Endless: " + b"a" * 60_000)
        assert wire.send(HEALTH, enough=1).statuses == [200]
    finally:
        for connection in crowd:
            connection.close()


# What comes twice


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("X-API-Key", "one", "two"),
        ("Authorization", "Bearer one", "Bearer two"),
        ("Idempotency-Key", "a", "b"),
        ("Content-Type", "application/json", "text/plain"),
        ("X-Request-ID", "a", "b"),
        ("X-Demo-Now", "2026-03-10T15:00:00Z", "2026-03-10T23:00:00Z"),
        ("Origin", "http://localhost", "http://elsewhere.example"),
        ("Sec-Fetch-Site", "none", "cross-site"),
    ],
)
def test_a_header_with_one_value_that_comes_with_two_is_refused_by_name(
    wire: Wire, name: str, value: str, other: str
) -> None:
    head = b"GET /health HTTP/1.1\r\n" + HOST + f"{name}: {value}\r\n".encode()
    refused = wire.send(head + f"{name.lower()}: {other}\r\n\r\n".encode(), enough=1)
    assert refused.statuses == [400]
    assert [problem["field"] for problem in refused.error()["details"]] == [name.lower()]
    assert b"x-request-id: " in refused.raw.lower()


def test_an_equal_header_counts_once(wire: Wire) -> None:
    body = order()
    twice = wire.signed + b"X-Request-ID: a\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\n"
    heard = wire.send(TRIED + twice + twice + length(body), body, enough=1)
    assert heard.statuses == [200]
    assert b"x-request-id: a\r\n" in heard.raw.lower()


def test_a_header_that_is_a_list_may_come_in_pieces(wire: Wire) -> None:
    pieces = (
        b"Accept: text/html\r\nAccept: */*\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n"
    )
    assert wire.send(b"GET /health HTTP/1.1\r\n" + HOST + pieces + b"\r\n", enough=1).statuses == [200]
