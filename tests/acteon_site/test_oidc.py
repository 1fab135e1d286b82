"""Sign-in by OpenID Connect, against a provider that answers over HTTP and signs what it is told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.core import checks
from django.test import Client
from joserfc import jwt
from joserfc.jwk import RSAKey

from acteon_site.access.oidc import provider
from acteon_site.access.people import groups_ensure
from acteon_site.access.requirements import group_two_steps_set
from acteon_site.models import OidcIdentity, PersonAct

KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER = RSAKey.generate_key(2048, {"kid": "one"})
CLIENT = "gateway"


class Provider(ThreadingHTTPServer):
    """`claims` change what it says; `key` is what it signs with; `asked` what the token endpoint was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.claims: dict[str, Any] = {}
        self.key, self.nonce = KEY, ""
        self.asked: list[dict[str, list[str]]] = []

    def token(self) -> str:
        now = int(time.time())
        says = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "u-1",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
        }
        says |= {"email": "ada@shop.example", "email_verified": True, "groups": ["ops"], **self.claims}
        return jwt.encode({"alg": "RS256", "kid": "one"}, says, self.key)


class Answer(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        at = self.server.issuer
        about = {"issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token"}
        keys = {"keys": [KEY.as_dict(private=False)]}
        self._say(keys if self.path == "/keys" else {**about, "jwks_uri": f"{at}/keys"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append(parse_qs(body) | {"auth": [self.headers["Authorization"]]})
        self._say({"access_token": "x", "token_type": "Bearer", "id_token": self.server.token()})

    def _say(self, value: Any) -> None:
        text = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def idp(db: None, settings: Any) -> Iterator[Provider]:
    groups_ensure()
    provider._kept.clear()
    with Provider() as server:
        settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = (
            server.issuer,
            CLIENT,
            "secret",
        )
        settings.OIDC_DOMAINS, settings.OIDC_GROUPS = (
            ["shop.example"],
            {"ops": "operator", "boss": "administrator"},
        )
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def asked(client: Client, idp: Provider, following: str = "") -> dict[str, str]:
    """Begin, and what the provider's page was asked."""
    answer = client.get("/admin/oidc/", {"next": following})
    assert answer.url.startswith(f"{idp.issuer}/authorize?"), answer
    found = {name: values[0] for name, values in parse_qs(urlsplit(answer.url).query).items()}
    idp.nonce = found["nonce"]
    return found


def back(client: Client, **query: str) -> Any:
    return client.get("/admin/oidc/back/", {"code": "c", **query})


def is_in(client: Client) -> bool:
    return bool(client.get("/admin/").status_code == 200)


def test_a_person_of_a_mapped_group_signs_in_and_gets_an_account_with_that_group(idp: Provider) -> None:
    client = Client()
    assert "company&#x27;s account" in client.get("/admin/login/").content.decode()
    found = asked(client, idp, "/admin/orders_app/order/")
    assert found["code_challenge_method"] == "S256"
    assert back(client, state=found["state"]).url == "/admin/orders_app/order/"
    assert is_in(client)
    user = User.objects.get()
    assert (user.username, user.is_staff, user.is_superuser) == ("ada@shop.example", True, False)
    assert [group.name for group in user.groups.all()] == ["operator"]
    assert not user.has_usable_password()
    assert PersonAct.objects.get().words == "by oidc"
    assert idp.asked[0]["code_verifier"][0]
    idp.claims = {"groups": ["boss"], "email": "new@elsewhere.example"}
    again = Client()
    back(again, state=asked(again, idp)["state"])
    assert [group.name for group in User.objects.get().groups.all()] == ["administrator"]
    idp.claims = {"groups": []}
    back(again, state=asked(again, idp)["state"])
    assert not User.objects.get().groups.exists()


NOW = int(time.time())


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"azp": "another-client"},
        {"iss": "https://another.example"},
        {"exp": NOW - 3600},
        {"exp": None},
        {"sub": ""},
        {"groups": []},
        {"groups": ["unknown"]},
        {"groups": {"ops": 1}},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "ada@evil-shop.example"},
        {"email": "ada@shop.example.evil"},
    ],
)
def test_what_does_not_hold_signs_nobody_in_and_makes_no_account(
    idp: Provider, claims: dict[str, Any]
) -> None:
    client = Client()
    state = asked(client, idp)["state"]
    idp.claims = claims
    assert back(client, state=state).url == "/admin/login/"
    assert not is_in(client)
    assert not User.objects.exists()


def test_another_key_another_state_and_an_answer_that_comes_again_are_refused(idp: Provider) -> None:
    client = Client()
    asked(client, idp)
    assert back(client, state="another").url == "/admin/login/"
    state = asked(client, idp)["state"]
    idp.key = OTHER
    assert back(client, state=state).url == "/admin/login/"
    idp.key = KEY
    assert back(client, state=state).url == "/admin/login/"  # used up
    stranger, state = Client(), asked(client, idp)["state"]
    assert back(stranger, state=state).url == "/admin/login/"
    assert back(client, state=state, code="").url == "/admin/login/"
    assert not User.objects.exists()
    state = asked(client, idp)["state"]
    back(client, state=state)
    assert is_in(client)
    client.post("/admin/logout/")
    assert back(client, state=state).url == "/admin/login/"
    assert not is_in(client)


def test_an_account_that_an_administrator_made_is_found_by_its_address_and_no_superuser_s_is(
    idp: Provider,
) -> None:
    root = User.objects.create_superuser("root", "ada@shop.example")
    client = Client()
    idp.claims = {"groups": []}
    back(client, state=asked(client, idp)["state"])
    assert not is_in(client)
    root.delete()
    ada = User.objects.create_user("ada", "Ada@shop.example", is_staff=True)
    ada.groups.add(Group.objects.get(name="viewer"))
    back(client, state=asked(client, idp)["state"])
    assert is_in(client)
    assert OidcIdentity.objects.get().user == ada
    User.objects.update(is_active=False)
    late = Client()
    back(late, state=asked(late, idp)["state"])
    assert not is_in(late)


def test_the_second_step_is_asked_for_unless_the_provider_asks_itself(idp: Provider, settings: Any) -> None:
    group_two_steps_set(group=Group.objects.get(name="operator"), required=True)
    client = Client()
    assert back(client, state=asked(client, idp)["state"]).url == "/admin/second-step/set-up/"
    assert not is_in(client)
    settings.OIDC_PROVES_TWO_STEPS = True
    assert back(client, state=asked(client, idp, "//evil.example")["state"]).url == "/admin/"
    assert is_in(client)


def test_without_a_provider_there_is_no_such_page(db: None) -> None:
    assert Client().get("/admin/oidc/").status_code == 404
    assert Client().get("/admin/oidc/back/").status_code == 404


def found_by_checks(tag: str = "installation", **more: Any) -> set[str]:
    ids = {str(message.id) for message in checks.run_checks(tags=[tag], **more)}
    return {one for one in ids if "acteon.E030" <= one.replace("W", "E") <= "acteon.E039"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, set()),
        ({"OIDC_CLIENT_SECRET": ""}, {"acteon.E031"}),
        ({"OIDC_ISSUER": ""}, {"acteon.E031"}),
        (dict.fromkeys(("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"), ""), {"acteon.W032"}),
        ({"OIDC_ISSUER": "login.shop.example"}, {"acteon.E033"}),
        ({"OIDC_ISSUER": "http://login.shop.example"}, {"acteon.E034"}),
        ({"OIDC_ISSUER": "http://login.shop.example", "EMBEDDED": True}, set()),
        ({"OIDC_SCOPES": ["email"]}, {"acteon.E035"}),
        ({"OIDC_SCOPES": ["openid"]}, {"acteon.W038"}),
        ({"OIDC_GROUPS_CLAIM": " "}, {"acteon.E036"}),
        ({"OIDC_DOMAINS": ["ada@shop.example"]}, {"acteon.E037"}),
        ({"OIDC_DOMAINS": []}, {"acteon.W038"}),
    ],
)
def test_what_is_set_up_by_half_is_told_at_the_start(
    settings: Any, changes: dict[str, Any], found: set[str]
) -> None:
    usual = {
        "EMBEDDED": False,
        "OIDC_ISSUER": "https://login.shop.example/realms/staff",
        "OIDC_CLIENT_ID": CLIENT,
        "OIDC_CLIENT_SECRET": "a secret",
        "OIDC_SCOPES": ["openid", "email"],
        "OIDC_DOMAINS": ["shop.example"],
        "OIDC_GROUPS": {"ops": "operator"},
    }
    for name, value in {**usual, **changes}.items():
        setattr(settings, name, value)
    assert found_by_checks() == found


@pytest.mark.django_db
def test_a_misspelt_setting_and_a_group_that_is_not_there_are_told(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTEON_OIDC_GROUP_CLAIM", "roles")
    (message,) = [one for one in checks.run_checks(tags=["installation"]) if one.id == "acteon.E030"]
    assert "ACTEON_OIDC_GROUPS_CLAIM" in str(message.hint)
    settings.OIDC_ISSUER, settings.OIDC_GROUPS = (
        "https://login.shop.example",
        {"ops": "operator", "x": "nobody's"},
    )
    groups_ensure()
    (message,) = checks.run_checks(tags=["database"], databases=["default"])[-1:]
    assert (message.id, "nobody's" in message.msg, "operator" in message.msg) == ("acteon.W039", True, False)
