"""Answers over real HTTP that are no answer: what can be read is read, the rest is an outcome nobody knows."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains_app.models import Run
from chains_app.providers.answers import Unreadable, read_answer
from chains_app.providers.base import Answer, ProviderError, ProviderSettings
from chains_app.providers.webhook import WebhookKind
from chains_app.services.advance import runs_sweep
from tests.chains_app.doors import called
from tests.chains_app.gateway import Gateway, incident, settle, start, status, step, undoable
from tests.chains_app.peer import Peer, peer_running, respond
from tests.chains_app.test_webhook import CALL
from tests.world import Shop

BODY = {"id": "ch_1", "city": "Zürich"}
JSON = json.dumps(BODY, ensure_ascii=False).encode()
TYPE, ENCODING = "Content-Type", "Content-Encoding"
PAGE = b"<!DOCTYPE html><html><body>We are back soon</body></html>"


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as running:
        yield running


def ask(peer: Peer, **config: Any) -> Answer:
    return called(
        WebhookKind(),
        ProviderSettings("gateway", "webhook", {"url": peer.url, **config}, {"headers": {}}),
        CALL,
    )


def failure(peer: Peer, **config: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(peer, **config)
    return caught.value


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (JSON, {}),
        (JSON, {TYPE: "text/html; charset=utf-8"}),
        (b"\xef\xbb\xbf" + JSON, {TYPE: "application/json"}),
        (JSON.decode().encode("latin-1"), {TYPE: "application/json; charset=ISO-8859-1"}),
        (JSON.decode().encode("cp1252"), {TYPE: 'application/json; charset="windows-1252"'}),
        (JSON.decode().encode("utf-16"), {TYPE: "application/json"}),
        (json.dumps(BODY).encode(), {TYPE: "application/json; charset=nobody-knows"}),
        (gzip.compress(JSON, mtime=0), {ENCODING: "gzip"}),
        (gzip.compress(JSON[:9], mtime=0) + gzip.compress(JSON[9:], mtime=0), {ENCODING: "x-gzip"}),
        (zlib.compress(JSON), {ENCODING: "deflate"}),
        (raw_deflate(JSON), {ENCODING: "Deflate"}),
        (gzip.compress(zlib.compress(JSON), mtime=0), {ENCODING: "deflate, identity, gzip"}),
    ],
)
def test_what_can_be_decoded_is_decoded(peer: Peer, content: bytes, headers: dict[str, str]) -> None:
    peer.answers(200, content, headers)
    assert ask(peer).body == BODY


@pytest.mark.parametrize(
    ("content", "headers", "body"),
    [
        (b"ok", {TYPE: "text/html"}, {"text": "ok"}),
        (b"<ok/>", {TYPE: "application/xml"}, {"text": "<ok/>"}),
        ("für Sie".encode("latin-1"), {TYPE: "text/plain; charset=latin-1"}, {"text": "für Sie"}),
        (b"", {TYPE: "application/json", ENCODING: "gzip"}, {}),
    ],
)
def test_plain_text_and_nothing_are_answers_too(
    peer: Peer, content: bytes, headers: dict[str, str], body: Any
) -> None:
    peer.answers(200, content, headers)
    assert ask(peer).body == body


UNREADABLE = [
    (b"\x0b\x02\x80ok\x03", {ENCODING: "br"}, "content encoding that was not offered"),
    (b"\x28\xb5\x2f\xfd", {ENCODING: "zstd"}, "content encoding that was not offered"),
    (JSON, {ENCODING: "gzip"}, "no gzip from beginning to end"),
    (gzip.compress(JSON, mtime=0)[:-9], {ENCODING: "gzip"}, "no gzip from beginning to end"),
    (gzip.compress(JSON, mtime=0) + b"more", {ENCODING: "gzip"}, "no gzip from beginning to end"),
    (zlib.compress(JSON)[:-5], {ENCODING: "deflate"}, "no deflate from beginning to end"),
    (gzip.compress(JSON, mtime=0), {ENCODING: "gzip, gzip, gzip, gzip"}, "packed too many times"),
    (JSON.decode().encode("latin-1"), {TYPE: "application/json"}, "not UTF-8"),
    (JSON, {TYPE: "application/json; charset=us-ascii"}, "not in the charset that it declares"),
    (JSON, {TYPE: "application/json; charset=nobody-knows"}, "not in the charset that it declares"),
    (b"\xff\x00ok", {}, "not UTF-8"),
    (b'{"id": NaN}', {}, "NaN for a number"),
    (b'{"id": -Infinity}', {TYPE: "text/plain"}, "-Infinity for a number"),
    (b'{"id": 1e999}', {}, "a number that is too large"),
    (b'{"id": "ch_1", "id": "ch_2"}', {}, "one key twice"),
    (b'{"id": "ch_1", "id\\u0000": "ch_2"}', {}, "one key twice"),
    (b"[" * 100_000, {}, "nested too deeply"),
    (JSON[:-3], {}, "no JSON, or was cut short"),
    (b"OK", {TYPE: "application/problem+json"}, "no JSON, or was cut short"),
    (PAGE, {}, "a page for people"),
    (b"<?xml version='1.0'?>\n<html xmlns='x'>", {}, "a page for people"),
    (b"<br />\n<b>Warning</b>: no such table", {TYPE: "text/html"}, "a page for people"),
]


@pytest.mark.parametrize(("content", "headers", "why"), UNREADABLE)
def test_a_success_that_cannot_be_read_is_none(
    peer: Peer, content: bytes, headers: dict[str, str], why: str
) -> None:
    peer.answers(200, content, headers)
    error = failure(peer)
    assert (error.code, error.retryable, error.unknown) == ("EXECUTION_FAILED", True, True)
    assert error.message.startswith("HTTP 200, but the answer ")
    assert why in error.message


@pytest.mark.parametrize(
    "write",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + JSON,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n" + JSON,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n" + JSON,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + JSON[:-4],
    ],
)
def test_a_body_that_is_cut_short_is_no_answer(peer: Peer, write: bytes) -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(write)
        handler.close_connection = True

    peer.reply = cut
    error = failure(peer)
    assert (error.retryable, error.unknown) == (True, True)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_small_body_that_unpacks_to_a_huge_one_is_given_up(
    peer: Peer, pack: Callable[[bytes], bytes]
) -> None:
    peer.answers(200, pack(b"x" * 50_000_000), {ENCODING: "gzip" if pack is gzip.compress else "deflate"})
    error = failure(peer)
    assert (error.retryable, error.unknown) == (False, True)
    assert error.message == "HTTP 200, but the answer is larger than 1048576 bytes when unpacked"
    largest = pack(b"x" * 1_048_576)
    peer.answers(200, largest, {ENCODING: "gzip" if pack is gzip.compress else "deflate"})
    assert len(ask(peer).body["text"]) == 1_048_576


@pytest.mark.parametrize(("content", "headers", "why"), UNREADABLE)
def test_a_refusal_that_cannot_be_read_judges_no_key(
    peer: Peer, content: bytes, headers: dict[str, str], why: str
) -> None:
    peer.answers(402, content, headers)
    error = failure(peer)
    assert (error.message, error.unknown, error.settles) == ("HTTP 402", False, False)


def test_a_reason_is_read_through_its_packing(peer: Peer) -> None:
    content = gzip.compress(json.dumps({"error": "card declined"}).encode())
    peer.answers(402, content, {ENCODING: "gzip"})
    error = failure(peer)
    assert (error.message, error.settles) == ("HTTP 402: card declined", True)


@given(st.binary(), st.sampled_from(["", "gzip", "deflate", "br"]), st.text(max_size=20))
def test_any_bytes_are_an_object_or_unreadable(content: bytes, encoding: str, charset: str) -> None:
    headers = {"content-type": f"text/plain; charset={charset}", "content-encoding": encoding}
    with suppress(Unreadable):
        assert isinstance(read_answer(content, headers, 1000), dict)


@pytest.mark.parametrize(
    "name", ["idna", "punycode", "utf-7", "unicode_escape", "rot13", "zip", "hex", "../x"]
)
def test_a_codec_that_is_no_charset_reads_nothing_but_ascii(name: str) -> None:
    headers = {"content-type": f"text/plain; charset={name}"}
    assert read_answer(b"+AGE- xn--a", headers, 100) == {"text": "+AGE- xn--a"}
    with pytest.raises(Unreadable):
        read_answer("é".encode(), headers, 100)


def test_a_page_in_place_of_an_answer_is_asked_again_with_the_same_key(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, step("charge"))
    usual, gateway.peer.reply = gateway.peer.reply, lambda handler: respond(handler, 200, PAGE, {})
    runs_sweep()
    gateway.peer.reply = usual
    settle()
    assert status(run) == "completed"
    assert len(gateway.calls("do_charge")) == 2
    assert gateway.keys("do_charge") == {f"{run.pk}:charge"}


def test_a_page_in_place_of_an_answer_parks_where_the_step_says_so(shop: Shop, gateway: Gateway) -> None:
    gateway.peer.reply = lambda handler: respond(handler, 200, PAGE, {})
    run = start(shop, undoable("charge", on_unknown="park"), step("ship"))
    settle()
    assert (incident().reason, incident().step) == ("unknown_outcome", "charge")
    assert [call["action_type"] for call in gateway.calls()] == ["do_charge"]
    assert Run.objects.get(pk=run.pk).ended_at is None
