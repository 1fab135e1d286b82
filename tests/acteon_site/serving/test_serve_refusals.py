"""What `serve` and `demo` refuse, before they touch anything."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from acteon_site.serving import prepare
from acteon_site.serving.listening import AddressError, listening_socket, loopback_address, url_of


@pytest.fixture(autouse=True)
def _never_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise AssertionError("nothing may be prepared")

    monkeypatch.setattr("acteon_site.serving.embedded.prepare", refuse)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "shop.example.com", ""])
def test_an_address_that_others_reach_is_refused(host: str) -> None:
    with pytest.raises(CommandError, match="is not a loopback address"):
        call_command("serve", host=host, port=0)


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("[::1]", "::1"), ("127.0.0.9", "127.0.0.9")],
)
def test_loopback_in_all_its_spellings_is_accepted(host: str, address: str) -> None:
    assert loopback_address(host) == address


def test_a_port_in_use_names_another(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"{port} is in use.*--port {port + 1}"):
            call_command("demo", port=port)
    assert settings.API_OPEN_ON_LOOPBACK is False


def test_the_port_is_taken_from_the_first_moment() -> None:
    with listening_socket("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(AddressError, match="in use"):
            listening_socket("127.0.0.1", port)


def test_production_mode_is_told_how_to_run_instead(settings: Any) -> None:
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match=r"docker-compose\.yml"):
        call_command("serve", port=0)


def test_missing_secrets_are_named(settings: Any) -> None:
    settings.FERNET_KEYS = []
    with pytest.raises(CommandError, match=r"FERNET_KEYS not set.*acteon_site\.bootstrap"):
        call_command("serve", port=0)


def test_every_secret_of_the_bootstrap_is_asked_for() -> None:
    from acteon_site.bootstrap import SECRETS

    assert tuple(SECRETS) == prepare.SECRET_SETTINGS


def test_addresses_read_as_urls() -> None:
    assert url_of("127.0.0.1", 8080) == "http://127.0.0.1:8080"
    assert url_of("::1", 8080) == "http://[::1]:8080"
