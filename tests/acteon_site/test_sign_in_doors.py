"""Nobody's guesses shut another person out, and no number of sign-ins takes the gateway from the orders."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from acteon_site.access import sign_in
from acteon_site.access.known_devices import COOKIE
from acteon_site.access.login_limits import MOST_FAILURES
from acteon_site.access.people import groups_ensure
from acteon_site.base.turns import Turns
from acteon_site.models import LoginAttempts
from tests.threads import at_once
from tests.world import Shop, order

PASSWORD = "a long enough password"


def person(name: str) -> User:
    groups_ensure()
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="viewer"))
    return user


def by_page(client: Client, username: str, password: str = PASSWORD) -> int:
    fields = {"username": username, "password": password}
    return int(client.post(reverse("admin:login"), fields).status_code)


def by_api(client: Client, username: str, password: str = PASSWORD) -> int:
    fields = {"username": username, "password": password}
    return int(client.post("/v1/auth/login", fields, content_type="application/json").status_code)


DOORS = {by_page: (302, 200, 200), by_api: (200, 401, 429)}  # let in, wrong, has to wait


@pytest.mark.parametrize("door", DOORS)
def test_guesses_from_the_same_address_do_not_shut_out_who_was_here_before(db: None, door: Any) -> None:
    let_in, wrong, waits = DOORS[door]
    person("maria")
    own, stranger = Client(), Client()
    assert door(own, "maria") == let_in
    for _ in range(MOST_FAILURES):
        assert door(stranger, "maria", "guess") == wrong
    assert door(stranger, "maria") == waits
    assert door(own, "maria") == let_in


@pytest.mark.parametrize("door", DOORS)
def test_a_known_device_has_no_more_attempts_than_others(db: None, door: Any) -> None:
    _, wrong, waits = DOORS[door]
    person("maria")
    own = Client()
    door(own, "maria")
    own.cookies.pop("sessionid", None)
    for _ in range(MOST_FAILURES):
        assert door(own, "maria", "guess") == wrong
    assert door(own, "maria") == waits


def test_a_device_is_known_for_the_person_who_signed_in_with_it_and_for_nobody_else(db: None) -> None:
    person("maria")
    person("mallory")
    mallory = Client()
    for _ in range(2 * MOST_FAILURES):
        by_api(mallory, "maria", "guess")
        assert by_api(mallory, "mallory") == 200
    assert by_api(mallory, "maria") == 429


@pytest.mark.parametrize("forged", ["x", "WyJtYXJpYSIsIngiXQ:1:x", "é" * 300])
def test_a_forged_device_counts_as_none(db: None, forged: str) -> None:
    person("maria")
    for _ in range(MOST_FAILURES):
        client = Client()
        client.cookies[COOKIE] = forged
        assert by_api(client, "maria", "guess") == 401
    assert by_api(client, "maria") == 429


def test_the_cookie_is_for_the_server_alone_and_names_nobody_signed_in(db: None, settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True
    person("maria")
    client = Client()
    by_api(client, "maria")
    cookie = client.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Lax"
    alone = Client()
    alone.cookies[COOKIE] = cookie.value
    assert alone.get("/admin/").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_twenty_sign_ins_at_once_are_checked_one_by_one_without_holding_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(20):
        person(f"person{number}")
    checking, most = threading.Semaphore(sign_in.CHECKS_AT_ONCE), []
    real = hashers.check_password

    def checked(*given: Any, **more: Any) -> bool:
        alone = checking.acquire(blocking=False)
        most.append(alone)
        try:
            return real(*given, **more)
        finally:
            if alone:
                checking.release()

    monkeypatch.setattr("django.contrib.auth.base_user.check_password", checked)
    monkeypatch.setattr(sign_in.turns, "seconds", 600.0)
    given_back: list[bool] = []

    def released() -> None:
        release()
        given_back.append(connection.connection is None)

    release = sign_in.release_connections
    monkeypatch.setattr(sign_in, "release_connections", released)
    answers = at_once([lambda name=f"person{number}": by_api(Client(), name) for number in range(20)])
    assert answers == [200] * 20
    assert all(most)
    assert all(given_back)


def test_who_finds_no_turn_is_told_when_to_come_again_and_nothing_is_counted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    person("maria")
    monkeypatch.setattr(sign_in, "turns", Turns(at_once=1, each=1, waiting=0, seconds=0.01))
    with ExitStack() as held:
        held.enter_context(sign_in.turns.turn("somebody"))
        refused = Client().post(
            "/v1/auth/login", {"username": "maria", "password": PASSWORD}, content_type="application/json"
        )
        page = Client().post(reverse("admin:login"), {"username": "maria", "password": PASSWORD})
        assert shop.dispatch(order(id="meanwhile")).status_code == 200
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert b"Too many people sign in at the moment" in page.content
    assert not LoginAttempts.objects.exists()
    assert by_api(Client(), "maria") == 200
