"""Signing in by two steps: in the admin and by API, asked for by groups, with apps, codes for once and their loss."""

from __future__ import annotations

import re
from typing import Any

import pyotp
import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from acteon_site.access import second_steps
from acteon_site.access.login_limits import MOST_FAILURES
from acteon_site.access.people import groups_ensure
from acteon_site.access.requirements import group_two_steps_set
from acteon_site.access.second_steps import app_add, code_take, recovery_codes_make, standing_of
from acteon_site.models import LoginToken, PersonAct, PersonSession, SecondStep
from tests.threads import at_once

PASSWORD = "a long enough password"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
HOME = "/admin/"


class Clock:
    """The time that codes are made of."""

    now = 1_800_000_000.0

    def code(self, secret: str = SECRET) -> str:
        self.now += 30
        return pyotp.TOTP(secret).at(int(self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(second_steps.time, "time", lambda: clock.now)
    return clock


@pytest.fixture
def maria(db: None) -> User:
    groups_ensure()
    user = User.objects.create_user("maria", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="viewer"))
    return user


def with_app(user: User, clock: Clock) -> User:
    app_add(user=user, secret=SECRET, code=clock.code())
    return user


def ask_of(name: str = "viewer") -> None:
    group_two_steps_set(group=Group.objects.get(name=name), required=True)


def password(client: Client, following: str = "") -> Any:
    query = f"?next={following}" if following else ""
    return client.post(reverse("admin:login") + query, {"username": "maria", "password": PASSWORD})


def by_api(**more: Any) -> Any:
    body = {"username": "maria", "password": PASSWORD, **more}
    return Client().post("/v1/auth/login", body, content_type="application/json")


def is_in(client: Client) -> bool:
    return bool(client.get(HOME).status_code == 200)


def test_the_password_alone_opens_nothing_and_the_code_goes_on_to_the_page_that_was_wanted(
    maria: User, clock: Clock
) -> None:
    with_app(maria, clock)
    client, wanted = Client(), reverse("admin:orders_app_order_changelist")
    assert password(client, wanted).url == reverse("second_step")
    assert not is_in(client)
    assert client.get(wanted).status_code == 302
    assert b"wrong, too old" in client.post(reverse("second_step"), {"code": "000000"}).content
    assert not is_in(client)
    assert client.post(reverse("second_step"), {"code": clock.code()}).url == wanted
    assert is_in(client)
    assert PersonAct.objects.get(what="signed in").words == "by password and a second step"


def test_a_code_is_good_once_also_where_two_come_at_once(maria: User, clock: Clock) -> None:
    with_app(maria, clock)
    code = clock.code()
    assert code_take(user=maria, code=code) == "app"
    assert code_take(user=maria, code=code) == ""
    older = pyotp.TOTP(SECRET).at(int(clock.now) - 30)
    assert code_take(user=maria, code=older) == ""
    assert (
        code_take(user=maria, code=clock.code()[:3] + " " + pyotp.TOTP(SECRET).at(int(clock.now))[3:])
        == "app"
    )


@pytest.mark.django_db(transaction=True)
def test_of_many_with_the_same_code_one_gets_in(clock: Clock) -> None:
    user = with_app(User.objects.create_user("maria", is_staff=True), clock)
    code = clock.code()
    found = at_once([lambda: code_take(user=user, code=code)] * 5)
    assert sorted(found) == ["", "", "", "", "app"]
    once = recovery_codes_make(user=user)[0]
    assert sorted(at_once([lambda: code_take(user=user, code=once)] * 5)) == ["", "", "", "", "recovery"]


def test_wrong_codes_are_counted_wherever_they_come_from(maria: User, clock: Clock) -> None:
    with_app(maria, clock)
    for number in range(MOST_FAILURES):
        client = Client(REMOTE_ADDR=f"192.0.2.{number + 1}")
        password(client)
        client.post(reverse("second_step"), {"code": "000000"})
    client = Client(REMOTE_ADDR="198.51.100.1")
    password(client)
    page = client.post(reverse("second_step"), {"code": clock.code()})
    assert b"Too many wrong codes" in page.content
    assert not is_in(client)


def test_a_group_that_asks_leads_to_the_set_up_before_anything_else(maria: User, clock: Clock) -> None:
    before = Client()
    before.force_login(maria)
    assert is_in(before)
    ask_of()
    assert before.get(HOME).url.startswith(reverse("admin:login"))
    assert before.get(before.get(HOME).url).url == reverse("second_step_set_up")
    client = Client()
    assert password(client).url == reverse("second_step_set_up")
    page = client.get(reverse("second_step_set_up")).content.decode()
    assert "Your group asks" in page
    assert not is_in(client)
    secret = re.search(r'gw-break">([A-Z2-7 ]+)<', page)
    assert secret
    led = client.post(reverse("second_step_set_up"), {"code": clock.code(secret[1].replace(" ", ""))})
    assert led.url == reverse("recovery_codes")
    codes = re.findall(r"<li>(\w{5}-\w{5})</li>", client.get(led.url).content.decode())
    assert len(codes) == 10
    assert client.get(led.url).url == reverse("own_security")
    assert is_in(client)
    other = Client()
    password(other)
    assert other.post(reverse("second_step"), {"code": codes[3].upper()}).url == HOME
    assert is_in(other)
    third = Client()
    password(third)
    assert b"used already" in third.post(reverse("second_step"), {"code": codes[3]}).content


def test_the_api_asks_for_the_code_and_gives_no_token_for_a_password_alone(maria: User, clock: Clock) -> None:
    assert by_api().status_code == 200
    ask_of()
    assert not LoginToken.objects.exists()
    refused = by_api()
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert "/admin/" in refused.json()["message"]
    with_app(maria, clock)
    refused = by_api()
    assert (refused.status_code, refused.json()["details"][0]["field"]) == (401, "code")
    assert by_api(code="000000").status_code == 401
    assert by_api(code=7).status_code == 422
    assert set(by_api(code=clock.code()).json()) == {"token", "expires_in"}
    assert by_api(password="wrong", code=clock.code()).json()["message"] == "username or password is wrong"
    assert not standing_of(User.objects.create_user("other")).is_asked


def test_a_superuser_is_asked_as_soon_as_any_group_is(maria: User) -> None:
    root = User.objects.create_superuser("root")
    assert not standing_of(root).must
    ask_of("operator")
    assert standing_of(root).must
    assert not standing_of(maria).must


def test_secrets_are_stored_for_nobody_to_read(maria: User, clock: Clock) -> None:
    with_app(maria, clock)
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    page = client.get(reverse("second_step_set_up")).content.decode()
    typed = re.search(r'gw-break">([A-Z2-7 ]+)<', page)
    assert typed
    shown = {SECRET, typed[1].replace(" ", "")}
    rows = []
    with connection.cursor() as cursor:
        for column, table in (("secret", "acteon_site_secondstep"), ("session_data", "django_session")):
            cursor.execute(f"SELECT {column} FROM {table}")
            rows += [
                value if isinstance(value, str) else bytes(value).decode() for (value,) in cursor.fetchall()
            ]
    assert len(rows) >= 2
    sessions = [str(client.session.items())]
    assert not [secret for secret in shown for row in rows + sessions if secret in row]


def test_who_has_lost_the_phone_gets_the_step_taken_off_and_it_is_noted(maria: User, clock: Clock) -> None:
    with_app(maria, clock)
    signed_in = Client()
    password(signed_in)
    signed_in.post(reverse("second_step"), {"code": clock.code()})
    token = by_api(code=clock.code()).json()["token"]
    boss = Client(REMOTE_ADDR="192.0.2.9", HTTP_USER_AGENT="Boss/1")
    boss.force_login(User.objects.create_superuser("boss"))
    page = reverse("admin:auth_user_security", args=[maria.pk])
    assert "Take the second step off" in boss.get(page).content.decode()
    boss.post(page, {"do": "take_off"})
    assert not SecondStep.objects.filter(user=maria).exists()
    assert not is_in(signed_in)
    assert Client(headers={"Authorization": f"Bearer {token}"}).get("/v1/rules").status_code == 401
    act = PersonAct.objects.get(what="took off a second step")
    assert (act.username, act.row, act.address, act.agent) == ("boss", str(maria.pk), "192.0.2.9", "Boss/1")
    assert password(Client()).url == HOME


def test_an_administrator_takes_nothing_off_a_superuser_and_a_viewer_sees_nobody(
    maria: User, clock: Clock
) -> None:
    root = User.objects.create_superuser("root")
    with_app(root, clock)
    admin, viewer = User.objects.create_user("ada", is_staff=True), Client()
    admin.groups.add(Group.objects.get(name="administrator"))
    client = Client()
    client.force_login(admin)
    page = reverse("admin:auth_user_security", args=[root.pk])
    assert client.post(page, {"do": "take_off"}).status_code == 403
    assert client.post(page, {"do": "end_all"}).status_code == 403
    viewer.force_login(maria)
    assert viewer.get(page).status_code == 403
    assert viewer.get(reverse("admin:auth_user_acts", args=[root.pk])).status_code == 403
    assert SecondStep.objects.filter(user=root).exists()


def test_steps_are_changed_only_after_proving_the_second_one_again(maria: User, clock: Clock) -> None:
    with_app(maria, clock)
    client = Client()
    password(client)
    client.post(reverse("second_step"), {"code": clock.code()})
    session = client.session
    session["second_step_at"] -= 3600
    session.save()
    step, page = SecondStep.objects.get(), reverse("own_security")
    assert client.post(page, {"do": "remove", "which": step.pk}).url == reverse("second_step")
    assert client.get(reverse("second_step_set_up")).url == reverse("second_step")
    assert SecondStep.objects.filter(pk=step.pk).exists()
    client.post(page, {"do": "codes"})
    assert client.post(reverse("second_step"), {"code": clock.code()}).url == page
    client.post(page, {"do": "remove", "which": step.pk})
    assert not SecondStep.objects.exists()


def test_a_half_signed_in_browser_is_forgotten_and_ends_with_the_password(maria: User, clock: Clock) -> None:
    with_app(maria, clock)
    client, late = Client(), Client()
    password(client)
    password(late)
    session = late.session
    session["half_signed"] = {**session["half_signed"], "at": 0}
    session.save()
    assert late.post(reverse("second_step"), {"code": clock.code()}).url == reverse("admin:login")
    maria.set_password("another password, long too")
    maria.save()
    assert client.post(reverse("second_step"), {"code": clock.code()}).url == reverse("admin:login")
    assert not PersonSession.objects.exists()


@pytest.mark.parametrize(
    "bad", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_to_another_site(maria: User, clock: Clock, bad: str) -> None:
    assert password(Client(), bad).url == HOME
    with_app(maria, clock)
    client = Client()
    password(client, bad)
    assert client.post(reverse("second_step"), {"code": clock.code()}).url == HOME


def test_sessions_are_listed_with_where_and_what_and_end_at_once(maria: User) -> None:
    laptop = Client(REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="Laptop/1")
    phone = Client(REMOTE_ADDR="192.0.2.2", HTTP_USER_AGENT="Phone/1")
    for client in (laptop, phone):
        password(client)
    token = by_api().json()["token"]
    page = laptop.get(reverse("own_security")).content.decode()
    assert all(text in page for text in ("192.0.2.1", "Laptop/1", "192.0.2.2", "Phone/1", "this browser"))
    other = PersonSession.objects.get(address="192.0.2.2")
    laptop.post(reverse("own_security"), {"do": "end", "which": other.pk})
    assert (is_in(phone), is_in(laptop)) == (False, True)
    laptop.post(reverse("own_security"), {"do": "end_all"})
    assert is_in(laptop)
    assert Client(headers={"Authorization": f"Bearer {token}"}).get("/v1/rules").status_code == 401
    stranger = Client()
    stranger.force_login(User.objects.create_superuser("root"))
    mine = PersonSession.objects.get(address="192.0.2.1")
    stranger.post(reverse("own_security"), {"do": "end", "which": mine.pk})
    assert is_in(laptop)
