"""Who counts as the client behind proxies, and who counts as this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from acteon_site.access.login_limits import MOST_FAILURES
from acteon_site.base.proxies import TrustedProxies, trusted_proxies
from tests.world import Shop, order

PROXY, FIRST, SECOND = "10.0.0.5", "198.51.100.1", "198.51.100.2"


def forwarded(client: Client, forwarded_for: str, peer: str = PROXY, **more: str) -> int:
    """Try a wrong password, as the proxy passes it on."""
    headers = {"X-Forwarded-For": forwarded_for, **more}
    fields = {"username": "maria", "password": "wrong"}
    answer: Any = client.post(
        "/v1/auth/login", fields, content_type="application/json", REMOTE_ADDR=peer, headers=headers
    )
    return int(answer.status_code)


def used_up(client: Client, forwarded_for: str, peer: str = PROXY) -> None:
    for _ in range(MOST_FAILURES):
        assert forwarded(client, forwarded_for, peer) == 401
    assert forwarded(client, forwarded_for, peer) == 429


@pytest.mark.parametrize("setting", ["1", PROXY, "10.0.0.0/8", "2001:db8::/32, 10.0.0.0/8"])
def test_behind_a_trusted_proxy_each_client_has_its_own_attempts(
    db: None, settings: Any, setting: str
) -> None:
    settings.TRUSTED_PROXIES = trusted_proxies(setting)
    client = Client()
    used_up(client, FIRST)
    assert forwarded(client, SECOND) == 401


@pytest.mark.parametrize("setting", ["1", PROXY])
def test_what_a_client_writes_into_the_header_itself_wins_it_nothing(
    db: None, settings: Any, setting: str
) -> None:
    settings.TRUSTED_PROXIES = trusted_proxies(setting)
    client = Client()
    used_up(client, FIRST)
    for forged in (
        "203.0.113.9",
        "10.0.0.9",
        "127.0.0.1",
        "unknown",
        "",
        "," * 50,
        "203.0.113.9, 203.0.113.8",
    ):
        assert forwarded(client, f"{forged}, {FIRST}") == 429, forged


@pytest.mark.parametrize("setting", ["", "0", "10.0.0.6", "192.0.2.0/24"])
def test_from_anybody_else_the_header_counts_for_nothing(db: None, settings: Any, setting: str) -> None:
    settings.TRUSTED_PROXIES = trusted_proxies(setting)
    client = Client()
    used_up(client, FIRST)
    assert forwarded(client, SECOND) == 429
    assert forwarded(client, FIRST, peer="203.0.113.5") == 401


@pytest.mark.parametrize(
    "name", ["X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP"]
)
def test_other_headers_count_for_nothing(db: None, settings: Any, name: str) -> None:
    settings.TRUSTED_PROXIES = trusted_proxies("1")
    client = Client()
    used_up(client, FIRST)
    assert forwarded(client, FIRST, **{name: "for=203.0.113.9"}) == 429


def test_the_admins_sign_in_counts_the_same_client(db: None, settings: Any) -> None:
    settings.TRUSTED_PROXIES = trusted_proxies(PROXY)
    client = Client()
    used_up(client, FIRST)

    def page(client_address: str) -> bytes:
        fields = {"username": "maria", "password": "wrong"}
        headers = {"X-Forwarded-For": client_address}
        answer: Any = client.post(reverse("admin:login"), fields, REMOTE_ADDR=PROXY, headers=headers)
        return bytes(answer.content)

    assert b"Too many failed sign-ins" in page(FIRST)
    assert b"Too many failed sign-ins" not in page(SECOND)


@pytest.mark.parametrize(
    ("setting", "peer", "header", "client"),
    [
        # Two proxies, and what the client wrote before them.
        ("2", PROXY, f"6.6.6.6, {FIRST}, 10.0.0.9", FIRST),
        ("10.0.0.0/8", PROXY, f"6.6.6.6, {FIRST}, 10.0.0.9", FIRST),
        # Around the outer one: what the header says nobody trusted wrote.
        ("2", PROXY, FIRST, PROXY),
        ("2", PROXY, "", PROXY),
        # Somebody of the trusted network itself.
        ("10.0.0.0/8", PROXY, "10.0.0.7, 10.0.0.9", "10.0.0.7"),
        # Ports, brackets, IPv4 in IPv6, zones.
        ("1", PROXY, f"{FIRST}:51234", FIRST),
        ("1", PROXY, "[2001:db8::1]:443", "2001:db8::1"),
        ("1", PROXY, f"::ffff:{FIRST}", FIRST),
        (PROXY, f"::ffff:{PROXY}", FIRST, FIRST),
        ("fe80::/10", "fe80::1%eth0", FIRST, FIRST),
        # What is no address was written by no proxy.
        ("1", PROXY, "6.6.6.6, unknown", PROXY),
        (PROXY, PROXY, "6.6.6.6, _hidden", PROXY),
        (PROXY, "", FIRST, ""),
    ],
)
def test_the_list_is_read_from_the_right(setting: str, peer: str, header: str, client: str) -> None:
    assert trusted_proxies(setting).client(peer, header) == client


@pytest.mark.parametrize(
    "text", ["-1", "11", "one", "10.0.0.5/8", "0.0.0.0/0", "::/0", "10.0.0.5;10.0.0.6", "1,2", "*"]
)
def test_a_setting_that_says_nothing_clear_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="ACTEON_TRUSTED_PROXIES must be how many proxies"):
        trusted_proxies(text)


def test_nothing_starts_with_such_a_setting() -> None:
    env = os.environ | {"ACTEON_TRUSTED_PROXIES": "everybody"}
    ran = subprocess.run(
        [sys.executable, "manage.py", "check"], env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode != 0
    assert "ACTEON_TRUSTED_PROXIES must be" in ran.stderr


# The embedded mode, which is open to this machine


@pytest.fixture
def local(shop: Shop, settings: Any) -> Client:
    settings.API_OPEN_ON_LOOPBACK = True
    return Client(SERVER_NAME="127.0.0.1", headers={"X-Demo-Now": "2026-03-10T15:00:00Z"})


def placed(client: Client, peer: str = "127.0.0.1", **headers: str) -> int:
    answer: Any = client.post(
        "/v1/dispatch?dry_run=true",
        order(),
        content_type="application/json",
        REMOTE_ADDR=peer,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    return int(answer.status_code)


def test_who_is_on_this_machine_needs_no_key(local: Client) -> None:
    assert placed(local) == 200
    assert placed(local, Host="localhost:8080") == 200
    assert local.get("/metrics").status_code == 200


@pytest.mark.parametrize("setting", ["", "1", "203.0.113.0/24"])
def test_no_header_makes_somebody_elsewhere_local(local: Client, settings: Any, setting: str) -> None:
    settings.TRUSTED_PROXIES = trusted_proxies(setting)
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP"):
        assert placed(local, "203.0.113.5", **{name: "127.0.0.1"}) == 401, name
    assert placed(local, "203.0.113.5", Host="127.0.0.1") == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.5"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Host": "orders.example.com"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 cache"},
        {"Host": "orders.example.com"},
    ],
)
def test_what_a_proxy_on_this_machine_passes_on_is_not_local(
    local: Client, settings: Any, headers: dict[str, str]
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert placed(local, **headers) == 401
    assert local.get("/metrics", headers=headers).status_code == 401


@pytest.mark.parametrize("setting", ["1", "127.0.0.1", "::1,127.0.0.0/8"])
def test_a_proxy_that_is_named_opens_nothing_even_where_it_adds_no_header(
    local: Client, settings: Any, setting: str
) -> None:
    settings.TRUSTED_PROXIES = trusted_proxies(setting)
    assert placed(local) == 401


def test_nobody_is_trusted_by_default() -> None:
    assert trusted_proxies("") == trusted_proxies(" , ") == trusted_proxies("0") == TrustedProxies()
