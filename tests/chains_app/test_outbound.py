"""What outbound HTTP refuses to call, however the address is spelled."""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import Any

import pytest

from chains_app.providers.base import CONFIGURATION, CONNECTION, ProviderError
from chains_app.providers.connections import Connections, Origin
from chains_app.providers.outbound import RefusedAddress, is_allowed, is_public
from chains_app.providers.requests import HttpRequest
from tests.chains_app.doors import beside, exchanged
from tests.chains_app.peer import peer_running


def connect(host: str, port: int = 80) -> None:
    async def connected() -> None:
        await Connections().take(Origin(False, host, port))

    beside(connected())


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1"),
        *("239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.9"),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::"),
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_an_address_of_the_inside_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001"),
        *("127.0.1", "0x7f.0.0.1", "0177.0.0.01", "0X7F000001", "0000177.1", "LOCALHOST"),
        *("localhost", "0", "0.0.0.0", "::1", "::ffff:127.0.0.1", "169.254.169.254", "0xa9fea9fe"),
        *("::ffff:7f00:1", "0:0:0:0:0:ffff:127.0.0.1", "2852039166", "0251.0376.0251.0376", "::"),
    ],
)
def test_every_spelling_of_an_inside_host_is_refused(host: str) -> None:
    """The resolver reads the spelling, and what it comes to is what is refused."""
    with pytest.raises(RefusedAddress):
        connect(host)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.1", "017700000001", "localhost"),
        *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0"),
    ],
)
def test_no_spelling_in_an_address_reaches_a_server_that_listens_there(settings: Any, host: str) -> None:
    settings.OUTBOUND_ALLOW = []
    with peer_running() as peer:
        with pytest.raises(ProviderError) as caught:
            exchanged(HttpRequest("POST", f"http://{host}:{peer.port}/hook", content=b"1"), 5)
        assert peer.said == []
    assert (caught.value.code, caught.value.settles) == (CONFIGURATION, False)
    assert "not on the public internet" in caught.value.message


def test_a_redirect_to_the_inside_is_not_followed(settings: Any) -> None:
    with peer_running() as inner, peer_running() as peer:
        settings.OUTBOUND_ALLOW = ["127.0.0.1"]
        for status in (301, 302, 303, 307, 308):
            peer.answers(status, {}, {"Location": inner.url})
            with pytest.raises(ProviderError, match="redirects are not followed") as caught:
                exchanged(HttpRequest("POST", peer.url, content=b"1"), 5)
            assert (caught.value.retryable, caught.value.unknown) == (False, False)
        assert (len(peer.said), inner.said) == (5, [])


def resolving_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host in addresses:  # the socket module itself reads a literal address this way
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def test_a_public_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "169.254.169.254")
    with pytest.raises(RefusedAddress):
        connect("metadata.example.com")


def test_one_inside_address_among_public_ones_refuses_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "93.184.216.34", "10.0.0.5")
    with pytest.raises(RefusedAddress):
        connect("both.example.com")


@pytest.mark.parametrize(
    ("entries", "allowed"),
    [
        ([], False),
        (["warehouse.internal"], True),
        (["WAREHOUSE.internal"], True),
        (["warehouse.internal:8443"], True),
        (["warehouse.internal:80"], False),
        (["internal"], False),
        (["10.0.0.0/8"], True),
        (["10.0.0.5"], True),
        (["192.168.0.0/16", "not a network"], False),
        (["::/0"], False),
    ],
)
def test_the_allow_list_names_hosts_ports_and_networks(
    settings: Any, entries: list[str], allowed: bool
) -> None:
    settings.OUTBOUND_ALLOW = entries
    assert is_allowed("warehouse.internal", 8443, ipaddress.ip_address("10.0.0.5")) is allowed


def test_the_name_is_resolved_once_and_the_checked_address_is_called(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with peer_running() as peer:
        settings.OUTBOUND_ALLOW = [f"shop.example.com:{peer.port}"]
        asked = resolving_to(monkeypatch, "127.0.0.1")
        answer = exchanged(HttpRequest("POST", f"http://shop.example.com:{peer.port}/x", content=b"1"), 5)
        assert answer.body == {"ok": True}
        assert asked == ["shop.example.com"]
        assert peer.said[0].headers["host"] == f"shop.example.com:{peer.port}"


def test_a_name_that_changes_its_address_after_the_check_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: public when it is checked, inside when it is asked again. It is not asked again."""
    answers = ["93.184.216.34", "127.0.0.1"]

    def rebinding(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    called: list[str] = []

    async def refused(_self: Any, address: str, _origin: Any) -> Any:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(Connections, "_connect_to", refused)
    with pytest.raises(ProviderError) as caught:
        exchanged(HttpRequest("POST", "http://rebinding.example/", content=b"1"), 5)
    assert (caught.value.code, called, answers) == (CONNECTION, ["93.184.216.34"], ["127.0.0.1"])
    with pytest.raises(ProviderError) as caught:
        exchanged(HttpRequest("POST", "http://rebinding.example/", content=b"1"), 5)
    assert (caught.value.code, called) == (CONFIGURATION, ["93.184.216.34"])


def test_a_refused_address_is_never_connected_to_and_names_no_url(settings: Any) -> None:
    with peer_running() as peer:
        settings.OUTBOUND_ALLOW = []
        with pytest.raises(ProviderError) as caught:
            exchanged(HttpRequest("POST", f"{peer.url}?token=s3cret", content=b"1"), 5)
        assert peer.said == []
    error = caught.value
    assert (error.code, error.retryable, error.unknown) == (CONFIGURATION, False, False)
    assert "s3cret" not in error.message
    assert str(peer.port) not in error.message


def test_a_host_that_does_not_resolve_is_a_connection_that_may_be_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(ProviderError) as caught:
        exchanged(HttpRequest("POST", "https://no-such-host.example/", content=b"1"), 5)
    assert (caught.value.code, caught.value.retryable, caught.value.unknown) == (CONNECTION, True, False)


def test_a_resolver_that_hangs_ends_with_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(5))
    with pytest.raises(ProviderError) as caught:
        exchanged(HttpRequest("POST", "https://slow.example/", content=b"1"), 0.2)
    release.set()
    assert (caught.value.code, caught.value.unknown) == ("TIMEOUT", False)
