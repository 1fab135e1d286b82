"""/v1/auth/login and /v1/auth/logout."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import F

from acteon_site.access.login_limits import MOST_FAILURES
from acteon_site.access.people import groups_ensure
from acteon_site.models import LoginAttempts, LoginToken
from audit_app.services import reaper
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.strict import listed
from tests.world import SCOPE, Shop, order

PASSWORD = "a long enough password"


def person(name: str, group: str | None = "viewer", **keys: Any) -> User:
    groups_ensure()
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, **keys)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def signed_in(name: str, password: str = PASSWORD) -> Strict:
    told = Strict().post("/v1/auth/login", shapes.TOKEN, {"username": name, "password": password})
    return Strict(told["token"])


def refused(status: int, code: str = "", **body: Any) -> dict[str, Any]:
    return Strict().refused("POST", "/v1/auth/login", status, code, body=body)


def test_a_person_of_the_admin_gets_a_token(shop: Shop, settings: Any) -> None:
    person("maria", "operator")
    told = Strict().post("/v1/auth/login", shapes.TOKEN, {"username": "maria", "password": PASSWORD})
    assert told["expires_in"] == settings.TOKEN_SECONDS
    token = LoginToken.objects.get()
    assert told["token"] not in str(vars(token))
    user = Strict(told["token"])
    user.get("/v1/rules", listed(shapes.RULE))
    user.post("/v1/dispatch", shapes.outcome, order(id="by-token"))
    record = user.get("/v1/audit/by-token", shapes.RECORD)
    assert (record["caller_id"], record["auth_method"]) == ("user:maria", "token")


@pytest.mark.parametrize(
    ("group", "dispatches", "edits"),
    [
        ("administrator", True, True),
        ("operator", True, False),
        ("viewer", False, False),
        ("approver", False, False),
        ("rule editor", False, False),
    ],
)
def test_the_role_follows_the_groups(shop: Shop, group: str | None, dispatches: bool, edits: bool) -> None:
    person("maria", group)
    user = signed_in("maria")
    assert user.send("GET", "/v1/events", query=SCOPE).status_code == 200
    assert user.send("POST", "/v1/dispatch", body=order()).status_code == (200 if dispatches else 403)
    assert user.send("POST", "/v1/retention", body=SCOPE).status_code == (201 if edits else 403)


def test_a_superuser_is_an_administrator(shop: Shop) -> None:
    person("root", None, is_superuser=True)
    assert signed_in("root").send("POST", "/v1/retention", body=SCOPE).status_code == 201


def test_a_role_taken_away_is_gone_at_once(shop: Shop) -> None:
    user = person("maria", "operator")
    client = signed_in("maria")
    user.groups.set(Group.objects.filter(name="viewer"))
    client.refused("POST", "/v1/dispatch", 403, body=order())


def test_a_token_is_no_api_key(shop: Shop) -> None:
    person("maria")
    token = signed_in("maria").headers["Authorization"].removeprefix("Bearer ")
    Strict().refused("GET", "/v1/rules", 401, headers={"X-API-Key": token})


def test_signing_out_ends_this_token_only(shop: Shop) -> None:
    person("maria")
    first, second = signed_in("maria"), signed_in("maria")
    answer = first.send("POST", "/v1/auth/logout")
    assert (answer.status_code, answer.content) == (204, b"")
    first.refused("GET", "/v1/rules", 401, "UNAUTHENTICATED")
    first.refused("POST", "/v1/auth/logout", 401, "UNAUTHENTICATED")
    second.get("/v1/rules", listed(shapes.RULE))


def test_a_key_does_not_sign_out(client: Strict) -> None:
    client.refused("POST", "/v1/auth/logout", 403, "FORBIDDEN")
    Strict().refused("POST", "/v1/auth/logout", 401, "UNAUTHENTICATED")


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def new_password(user: User) -> None:
    user.set_password("another password, long too")
    user.save()


def no_more_staff(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=False)


def time_passes(user: User) -> None:
    LoginToken.objects.update(expires_at=F("expires_at") - timedelta(days=30))


def no_group(user: User) -> None:
    user.groups.clear()


def another_group(user: User) -> None:
    user.groups.set([Group.objects.create(name="accounting")])


def deleted(user: User) -> None:
    user.delete()


@pytest.mark.parametrize(
    "change", [deactivate, new_password, no_more_staff, no_group, another_group, time_passes, deleted]
)
def test_a_token_ends_with_its_person(shop: Shop, change: Any) -> None:
    user = person("maria")
    client = signed_in("maria")
    change(user)
    client.refused("GET", "/v1/rules", 401, "UNAUTHENTICATED")


def test_unknown_wrong_inactive_and_not_staff_look_the_same(shop: Shop) -> None:
    person("maria")
    person("gone", is_active=False)
    User.objects.create_user("customer", password=PASSWORD)
    person("new", None)
    person("accountant", None).groups.add(Group.objects.create(name="accounting"))
    answers = [
        refused(401, username="nobody", password=PASSWORD),
        refused(401, username="maria", password="wrong"),
        refused(401, username="gone", password=PASSWORD),
        refused(401, username="customer", password=PASSWORD),
        refused(401, username="new", password=PASSWORD),
        refused(401, username="accountant", password=PASSWORD),
    ]
    assert all(answer == answers[0] for answer in answers)
    assert not LoginToken.objects.exists()


def test_an_unknown_name_costs_a_password_hash_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw))
    refused(401, username="nobody", password=PASSWORD)
    assert hashed == [PASSWORD]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "x"}, "password"),
        ({"username": 7, "password": "x"}, "username"),
        ({"username": "x", "password": ""}, "password"),
        ({"username": "x" * 151, "password": "x"}, "username"),
        ({"username": "x", "password": "x" * 5000}, "password"),
    ],
)
def test_bad_bodies(shop: Shop, body: dict[str, Any], field: str) -> None:
    error = refused(422, "VALIDATION", **body)
    assert field in [problem["field"] for problem in error["details"]]


def test_after_some_failures_even_the_right_password_waits(shop: Shop) -> None:
    person("maria")
    person("other")
    for _ in range(MOST_FAILURES):
        refused(401, username="maria", password="wrong")
    for name in ("maria", "MARIA"):
        refused(429, "RATE_LIMITED", username=name, password=PASSWORD)
    signed_in("other")
    elsewhere = Strict().http.post(
        "/v1/auth/login", {"username": "maria", "password": PASSWORD}, format="json", REMOTE_ADDR="192.0.2.7"
    )
    assert elsewhere.status_code == 200
    LoginAttempts.objects.update(window_ends_at=F("window_ends_at") - timedelta(hours=1))
    signed_in("maria")


def test_success_forgets_the_failures_before_it(shop: Shop) -> None:
    person("maria")
    for _ in range(3):
        for _ in range(MOST_FAILURES - 1):
            refused(401, username="maria", password="wrong")
        signed_in("maria")


def test_one_caller_cannot_use_all_addresses_of_its_network(shop: Shop) -> None:
    for number in range(MOST_FAILURES + 1):
        answer = Strict().http.post(
            "/v1/auth/login",
            {"username": "x", "password": "y"},
            format="json",
            REMOTE_ADDR=f"2001:db8::{number + 1}",
        )
    assert answer.status_code == 429


def test_old_tokens_and_counters_are_tidied(shop: Shop) -> None:
    person("maria")
    signed_in("maria")
    refused(401, username="maria", password="wrong")
    reaper.reap()
    assert LoginToken.objects.count() == LoginAttempts.objects.count() == 1
    time_passes(User.objects.get())
    LoginAttempts.objects.update(window_ends_at=F("window_ends_at") - timedelta(hours=1))
    reaper.reap()
    assert LoginToken.objects.count() == LoginAttempts.objects.count() == 0
