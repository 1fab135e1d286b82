"""The admin's sign-in page: attempts are limited, together with those of the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import F
from django.test import Client
from django.urls import reverse

from acteon_site.access.login_limits import MOST_FAILURES
from acteon_site.access.people import groups_ensure
from acteon_site.models import LoginAttempts

PASSWORD = "a long enough password"


@pytest.fixture
def maria(db: None) -> User:
    groups_ensure()
    user = User.objects.create_user("maria", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="viewer"))
    return user


def sign_in(username: str, password: str, *, address: str = "127.0.0.1") -> Any:
    fields = {"username": username, "password": password}
    return Client().post(reverse("admin:login"), fields, REMOTE_ADDR=address)


def by_api(password: str) -> int:
    fields = {"username": "maria", "password": password}
    return int(Client().post("/v1/auth/login", fields, content_type="application/json").status_code)


def test_after_some_failures_even_the_right_password_waits(maria: User) -> None:
    for _ in range(MOST_FAILURES):
        assert b"correct username and password" in sign_in("maria", "wrong").content
    for name in ("maria", "MARIA"):
        refused = sign_in(name, PASSWORD)
        assert refused.status_code == 200
        assert b"Too many failed sign-ins for this username from here. Wait 15 minutes" in refused.content
    assert sign_in("maria", PASSWORD, address="192.0.2.7").status_code == 302


def test_the_window_ends(maria: User) -> None:
    for _ in range(MOST_FAILURES + 1):
        sign_in("maria", "wrong")
    LoginAttempts.objects.update(window_ends_at=F("window_ends_at") - timedelta(hours=1))
    assert sign_in("maria", PASSWORD).status_code == 302


def test_the_page_and_the_api_count_together(maria: User) -> None:
    for number in range(MOST_FAILURES):
        if number % 2:
            sign_in("maria", "wrong")
        else:
            assert by_api("wrong") == 401
    assert by_api(PASSWORD) == 429
    assert b"Too many failed sign-ins" in sign_in("maria", PASSWORD).content


def test_success_forgets_the_failures_before_it(maria: User) -> None:
    for _ in range(3):
        for _ in range(MOST_FAILURES - 1):
            sign_in("maria", "wrong")
        assert sign_in("maria", PASSWORD).status_code == 302


def test_an_empty_form_counts_nothing_and_the_page_keeps_its_look(maria: User) -> None:
    page = sign_in("", "")
    assert b"This field is required" in page.content
    assert not LoginAttempts.objects.exists()
    assert b"border-base-200" in page.content
