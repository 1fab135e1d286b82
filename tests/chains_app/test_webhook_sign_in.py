"""The webhook that signs in with OAuth 2 client credentials, and the one that signs each request with an HMAC."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chains_app.providers import own
from chains_app.providers.base import Answer, ProviderError, ProviderSettings
from chains_app.providers.webhook import WebhookKind
from tests.chains_app.doors import called, on_loop
from tests.chains_app.peer import Peer, peer_running, respond
from tests.chains_app.test_webhook import CALL

KIND = WebhookKind()
SECRET, HMAC_KEY = "s3cret:of%client", "k" * 20


class Shop:
    """A peer with a token address: each token is new, and `valid` are those that its interface takes."""

    def __init__(self, peer: Peer) -> None:
        self.peer, self.valid, self.made = peer, set[str](), 0
        self.grant: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600}
        self.seconds = 0.0
        peer.reply = self._answer

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/token":
            time.sleep(self.seconds)
            self.made += 1
            token = f"tok-{self.made}"
            self.valid.add(token)
            respond(handler, 200, json.dumps({"access_token": token, **self.grant}).encode(), {})
        elif (bearer := handler.headers.get("Authorization", "")).removeprefix("Bearer ") in self.valid:
            respond(handler, 200, b'{"done": true}', {})
        else:
            respond(handler, 401, json.dumps({"error": f"unknown token {bearer}"}).encode(), {})

    def asked(self, path: str) -> int:
        return sum(one.path == path for one in self.peer.said)


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as running:
        yield running


@pytest.fixture
def shop(peer: Peer) -> Iterator[Shop]:
    yield Shop(peer)
    own.renew()


def ask(peer: Peer, secret: str = SECRET, seconds: float = 5, **terms: Any) -> Answer:
    oauth = {"token_url": f"http://127.0.0.1:{peer.port}/token", "client_id": "the shop", **terms}
    settings = ProviderSettings(
        "bank", "webhook", {"url": peer.url, "oauth": oauth}, {"oauth_client_secret": secret}
    )
    assert KIND.check(settings.config, settings.secrets) == []
    return called(KIND, settings, replace(CALL, timeout_seconds=seconds))


def refused(peer: Peer, **terms: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(peer, **terms)
    return caught.value


def test_a_token_is_fetched_once_and_used_while_it_is_good(shop: Shop) -> None:
    assert [ask(shop.peer, scope="orders", audience="bank").body for _ in range(3)] == [{"done": True}] * 3
    assert (shop.made, shop.asked("/hook")) == (1, 3)
    form = parse_qs(shop.peer.said[0].body.decode())
    assert form == {"grant_type": ["client_credentials"], "scope": ["orders"], "audience": ["bank"]}
    signed = base64.b64decode(shop.peer.said[0].headers["authorization"][6:]).decode()
    assert signed == "the+shop:s3cret%3Aof%25client"
    assert shop.peer.said[1].headers["authorization"] == "Bearer tok-1"
    assert shop.peer.said[1].headers["idempotency-key"] == CALL.idempotency_key


def test_the_client_may_say_who_it_is_in_the_form(shop: Shop) -> None:
    ask(shop.peer, client_auth="body")
    form = parse_qs(shop.peer.said[0].body.decode())
    assert (form["client_id"], form["client_secret"]) == (["the shop"], [SECRET])
    assert "authorization" not in shop.peer.said[0].headers


def test_forty_calls_at_once_fetch_one_token(shop: Shop) -> None:
    shop.seconds = 0.2
    with ThreadPoolExecutor(40) as pool:
        assert all(pool.map(lambda _: ask(shop.peer, seconds=20).body["done"], range(40)))
    assert shop.made == 1


def test_a_token_that_was_revoked_is_replaced_and_the_call_made_once_more(shop: Shop) -> None:
    ask(shop.peer)
    shop.valid.clear()
    assert ask(shop.peer).body == {"done": True}
    assert (shop.made, shop.asked("/hook")) == (2, 3)


def test_a_new_token_that_is_refused_is_not_tried_again_and_stands_in_no_error(shop: Shop) -> None:
    shop.grant["access_token"] = "tok-wrong-audience"
    found = refused(shop.peer)
    assert (found.code, found.retryable, found.unknown) == ("EXECUTION_FAILED", False, False)
    assert found.message == "HTTP 401: unknown token Bearer [secret]"
    assert (shop.made, shop.asked("/hook")) == (1, 1)


def test_another_secret_never_gets_the_old_ones_token(shop: Shop) -> None:
    ask(shop.peer)
    ask(shop.peer, secret="another-one")
    assert shop.made == 2


@pytest.mark.parametrize(("lives", "kept"), [(0, 0), ("1", 0.9), (3600, 3570), (None, 270), ("soon", 270)])
def test_a_token_is_kept_somewhat_shorter_than_it_says(shop: Shop, lives: Any, kept: float) -> None:
    shop.grant["expires_in"] = lives
    ask(shop.peer)
    now = time.monotonic()
    (place,) = on_loop(lambda: list(own.own().tokens._places.values()))
    assert place.good_until - now == pytest.approx(kept, abs=20)
    assert (place.good_until > now) == (kept > 20) or kept == 0.9


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": "invalid_client"}, ("EXECUTION_FAILED", False)),
        (500, {"error": "down"}, ("EXECUTION_FAILED", True)),
        (429, {}, ("RATE_LIMITED", True)),
        (200, {"token_type": "bearer"}, ("CONFIGURATION", False)),
        (200, {"access_token": "x\r\nX-Evil: 1"}, ("CONFIGURATION", False)),
        (200, {"access_token": "x", "token_type": "mac"}, ("CONFIGURATION", False)),
    ],
)
def test_without_a_token_the_call_is_not_sent_and_certainly_had_no_effect(
    peer: Peer, status: int, body: Any, expected: tuple[str, bool]
) -> None:
    peer.answers(status, body)
    found = refused(peer)
    assert (found.code, found.retryable, found.unknown) == (*expected, False)
    assert "token address" in found.message
    assert [one.path for one in peer.said] == ["/token"]


def test_a_token_address_that_hangs_costs_the_calls_time_and_nothing_else(shop: Shop) -> None:
    shop.seconds = 3
    found = refused(shop.peer, seconds=0.3)
    assert (found.code, found.retryable, found.unknown) == ("TIMEOUT", True, False)
    assert shop.asked("/hook") == 0


def test_a_token_address_may_not_be_private(peer: Peer, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = []
    found = refused(peer)
    assert (found.code, found.retryable) == ("CONFIGURATION", False)
    assert peer.said == []


def signed(peer: Peer, method: str = "POST", **terms: Any) -> Any:
    config = {"url": f"{peer.url}?v=2", "method": method, "hmac": terms}
    settings = ProviderSettings("bank", "webhook", config, {"hmac_key": HMAC_KEY})
    assert KIND.check(settings.config, settings.secrets) == []
    called(KIND, settings, CALL)
    return peer.said[-1]


def digest(message: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(HMAC_KEY.encode(), message, algorithm).digest()


def test_the_body_is_signed_as_github_and_shopify_do(peer: Peer) -> None:
    request = signed(peer, header="X-Hub-Signature-256", prefix="sha256=")
    assert request.headers["x-hub-signature-256"] == "sha256=" + digest(request.body).hex()
    request = signed(peer, header="X-Shopify-Hmac-Sha256", encoding="base64")
    assert request.headers["x-shopify-hmac-sha256"] == base64.b64encode(digest(request.body)).decode()


def test_more_of_the_request_is_signed_where_it_is_asked_for(peer: Peer) -> None:
    parts = ["timestamp", "method", "path", "query", "idempotency_key", "body"]
    request = signed(
        peer, "DELETE", signed=parts, separator=".", algorithm="sha512", timestamp_header="X-Time"
    )
    now = request.headers["x-time"]
    target = urlsplit(request.path)
    said = ".".join([now, "DELETE", target.path, target.query, CALL.idempotency_key, ""]).encode()
    assert request.headers["x-signature"] == digest(said, "sha512").hex()
    assert abs(int(now) - time.time()) < 60


def test_wrong_settings_are_named() -> None:
    def found(secrets: dict[str, Any], **config: Any) -> dict[str, str]:
        checked = KIND.check({"url": "https://x.example", **config}, secrets)
        return {problem.field: problem.message for problem in checked}

    terms = {"token_uri": "https://x.example", "client_auth": "jwt"}
    assert set(found({"headers": {"authorization": "x"}}, oauth=terms)) == {
        *("oauth.token_uri", "oauth.token_url", "oauth.client_id", "oauth.client_auth"),
        *("oauth_client_secret", "headers.Authorization"),
    }
    wrong = {"header": "Content-Length", "signed": ["body", "bdy"], "algorithm": "md5", "separator": "-----"}
    assert set(found({"hmac_key": "short"}, hmac=wrong)) == {
        *("hmac.header", "hmac.signed", "hmac.algorithm", "hmac.separator", "hmac_key"),
    }
    assert set(found({"hmac_key": HMAC_KEY, "oauth_client_secret": "x"})) == {
        "hmac_key",
        "oauth_client_secret",
    }
