"""Connections that are kept: how long, for whom, and what an answer on one may look like."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from chains_app.providers import connections, own
from chains_app.providers.base import ProviderError
from chains_app.providers.exchange import exchange
from chains_app.providers.reading import Broken, Reading, Response
from chains_app.providers.requests import HttpRequest
from tests.chains_app.crowd import Crowd
from tests.chains_app.doors import beside, exchanged, on_loop
from tests.chains_app.flights import until


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    own.renew()


def open_now() -> int:
    return on_loop(lambda: len(own.own().connections.open))


def test_a_connection_serves_the_next_call_and_is_closed_after_its_rest(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        exchanged(HttpRequest("POST", crowd.url("/at-once")), 5)
    assert (crowd.connections, open_now()) == (1, 1)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.05)
    exchanged(HttpRequest("POST", crowd.url("/at-once")), 5)
    until(lambda: open_now() == 0)
    until(lambda: crowd.open == 0)


def test_a_name_that_is_never_resolved_holds_up_no_other(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """python/cpython#112169: a few names that hang took all threads, and everything else timed out."""
    release, asked, real = threading.Event(), [], socket.getaddrinfo

    def resolve(host: str, *args: Any, **named: Any) -> Any:
        if host == "127.0.0.1":
            return real(host, *args, **named)
        asked.append(host)
        release.wait(30)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    async def many() -> list[Any]:
        slow = [exchange(HttpRequest("POST", "http://slow.example/"), 0.5) for _ in range(50)]
        fine = [exchange(HttpRequest("POST", crowd.url("/at-once")), 5) for _ in range(50)]
        return await asyncio.gather(*slow, *fine, return_exceptions=True)

    ends = beside(many())
    release.set()
    assert asked == ["slow.example"]
    assert all(isinstance(end, ProviderError) and not end.unknown for end in ends[:50])
    assert all(end.body == {"ok": True} for end in ends[50:])


def test_a_peer_that_never_shakes_hands_is_let_go(settings: Any) -> None:
    """python/cpython#73929, tornadoweb/tornado#3614: a handshake that was cut off left its socket open."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(10)
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(ProviderError) as caught:
            exchanged(HttpRequest("POST", url), 0.3)
        peer, _ = silent.accept()
        peer.settimeout(10)
        while peer.recv(65536):
            pass
        peer.close()
    assert (caught.value.code, caught.value.retryable, caught.value.unknown) == ("TIMEOUT", True, False)


HEAD = b"HTTP/1.1 200 OK\r\n"


def read(*pieces: bytes, ends: bool = False, most: int = 1000) -> tuple[Response | None, bool]:
    async def reading() -> tuple[Response | None, bool]:
        made = Reading(most)
        for piece in pieces:
            made.feed(piece)
        if ends:
            made.ended()
        try:
            return (await made.response if made.response.done() else None), made.keeps_open
        except Broken:
            return None, made.keeps_open

    return asyncio.run(reading())


@pytest.mark.parametrize(
    ("sent", "content", "keeps_open"),
    [
        (HEAD + b"Content-Length: 2\r\n\r\nab", b"ab", True),
        (b"HTTP/1.1 200\nContent-Length: 2\n\nab", b"ab", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", b"ab", False),
        (HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nab", b"ab", False),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n1;x=y\r\nb\r\n0\r\nX: 1\r\n\r\n", b"ab", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nab", b"ab", True),
        (b"HTTP/1.1 103 E\r\nLink: x\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nab", b"ab", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (HEAD + b"Content-Length: 2\r\n\r\nab" + HEAD, b"ab", False),
        (HEAD + b"Content-Length: 2\r\n\r\nabzzz", b"ab", False),
    ],
)
def test_an_answer_is_the_same_however_it_is_cut(sent: bytes, content: bytes, keeps_open: bool) -> None:
    for pieces in ([sent], [sent[at : at + 1] for at in range(len(sent))]):
        response, kept = read(*pieces)
        assert response
        assert (response.content, kept) == (content, keeps_open)
        assert "x" not in response.headers
        assert "link" not in response.headers


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\nab",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        HEAD + b"X: %s\r\n" % (b"x" * 200_000),
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 200_000,
        HEAD + b"Content-Length: 3\r\n\r\nab",
    ],
)
def test_what_is_no_whole_answer_is_none(sent: bytes) -> None:
    assert read(sent, ends=True) == (None, False)


def test_of_an_answer_without_end_only_the_beginning_is_kept() -> None:
    response, kept = read(HEAD + b"\r\n", b"x" * 700, b"x" * 700, b"x" * 700)
    assert response
    assert (len(response.content), kept) == (1400, False)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b"])
def test_a_header_that_would_be_two_is_not_sent(crowd: Crowd, value: str) -> None:
    with pytest.raises(ProviderError, match="SERIALIZATION"):
        exchanged(HttpRequest("POST", crowd.url("/at-once"), {"Idempotency-Key": value}), 5)
    assert crowd.order == []
