"""The webhook provider against a real server: what it sends, and what it makes of the answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains_app.providers.base import Answer, Call, ProviderError, ProviderSettings
from chains_app.providers.encoding import encode_form
from chains_app.providers.webhook import WebhookKind
from tests.chains_app.doors import called
from tests.chains_app.peer import Peer, drip, hang_up, peer_running, respond

KIND = WebhookKind()
CALL = Call(
    provider="gateway",
    action_type="charge_card",
    payload={"order_id": "o-1", "total_cents": 4999, "city": "Zürich"},
    namespace="ecommerce",
    tenant="acme-store",
    action_id="a-1",
    idempotency_key="run-1:charge",
    timeout_seconds=5,
)


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as running:
        yield running


def settings_for(peer: Peer, secrets: dict[str, Any] | None = None, **config: Any) -> ProviderSettings:
    return ProviderSettings("gateway", "webhook", {"url": peer.url, **config}, secrets or {})


def failure(peer: Peer, call: Call = CALL, **config: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        called(KIND, settings_for(peer, **config), call)
    return caught.value


def test_the_payload_is_the_json_body_and_the_key_goes_along(peer: Peer) -> None:
    peer.answers(201, {"id": "ch_1"}, {"Content-Type": "application/json", "Set-Cookie": "a=b"})
    answer = called(KIND, settings_for(peer, {"headers": {"Authorization": "Bearer sk_live_x"}}), CALL)
    assert answer == Answer({"id": "ch_1"}, {"content-type": "application/json"})
    request = peer.said[0]
    assert (request.method, request.path) == ("POST", "/hook")
    assert json.loads(request.body) == CALL.payload
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "run-1:charge"
    assert request.headers["authorization"] == "Bearer sk_live_x"


def test_the_guides_stripe_headers_make_it_a_form(peer: Peer) -> None:
    headers = {"Authorization": "Bearer sk_live_xxx", "content-type": "application/x-www-form-urlencoded"}
    payload = {
        "amount": 4999,
        "capture": True,
        "metadata": {"order id": "ö&=1", "deep": {"x": None}},
        "expand": ["customer", {"a": 1}],
        "none": None,
        "empty": [],
    }
    called(KIND, settings_for(peer, {"headers": headers}), replace(CALL, payload=payload))
    assert parse_qsl(peer.said[0].body.decode()) == [
        ("amount", "4999"),
        ("capture", "true"),
        ("metadata[order id]", "ö&=1"),
        ("expand[0]", "customer"),
        ("expand[1][a]", "1"),
    ]
    assert peer.said[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_method_format_and_envelope_are_settings(peer: Peer) -> None:
    called(KIND, settings_for(peer, method="PUT", envelope=True), CALL)
    called(KIND, settings_for(peer, format="form"), CALL)
    first, second = peer.said
    assert first.method == "PUT"
    assert json.loads(first.body) == {
        "action_type": "charge_card",
        "namespace": "ecommerce",
        "tenant": "acme-store",
        "payload": CALL.payload,
    }
    assert second.headers["content-type"] == "application/x-www-form-urlencoded"
    assert ("order_id", "o-1") in parse_qsl(second.body.decode())


def test_it_signs_as_standard_webhooks_asks(peer: Peer) -> None:
    key = b"0123456789abcdef0123456789abcdef"
    secret = "whsec_" + base64.b64encode(key).decode()
    called(KIND, settings_for(peer, {"signing_key": secret}), CALL)
    request = peer.said[0]
    assert request.headers["webhook-id"] == "run-1:charge"
    stamp = request.headers["webhook-timestamp"]
    assert abs(int(stamp) - time.time()) < 60
    signed = f"run-1:charge.{stamp}.".encode() + request.body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{digest}"


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b"", {}),
        (b"[1, 2]", {"value": [1, 2]}),
        (b"null", {"value": None}),
        (b"thanks", {"text": "thanks"}),
    ],
)
def test_an_answer_of_any_form_becomes_an_object(peer: Peer, content: bytes, body: dict[str, Any]) -> None:
    peer.answers(200, content)
    assert called(KIND, settings_for(peer), CALL).body == body


@pytest.mark.parametrize(
    ("status", "code", "retryable", "unknown"),
    [
        *((status, "EXECUTION_FAILED", False, False) for status in (300, 301, 302, 303, 304, 307, 308)),
        (400, "EXECUTION_FAILED", False, False),
        (402, "EXECUTION_FAILED", False, False),
        (404, "EXECUTION_FAILED", False, False),
        (408, "TIMEOUT", True, False),
        (409, "EXECUTION_FAILED", False, False),
        (425, "EXECUTION_FAILED", True, False),
        (429, "RATE_LIMITED", True, False),
        (500, "EXECUTION_FAILED", True, True),
        (502, "EXECUTION_FAILED", True, True),
        (503, "EXECUTION_FAILED", True, False),
        (504, "TIMEOUT", True, True),
    ],
)
def test_a_status_decides_retry_and_doubt(
    peer: Peer, status: int, code: str, retryable: bool, unknown: bool
) -> None:
    peer.answers(status, {"error": {"message": "card\r\n declined"}}, {"Location": "http://169.254.169.254/"})
    error = failure(peer)
    assert (error.code, error.retryable, error.unknown) == (code, retryable, unknown)
    assert len(peer.said) == 1
    if status >= 400:
        assert error.message == f"HTTP {status}: card declined"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("17", 17), ("0", 0), ("99999999999999", 86_400), ("soon", None), ("-5", None), ("²", None)],
)
def test_retry_after_is_read(peer: Peer, value: str, seconds: float | None) -> None:
    peer.answers(429, {}, {"Retry-After": value.encode("utf-8").decode("latin-1")})
    assert failure(peer).retry_after == seconds


def test_retry_after_may_be_a_date(peer: Peer) -> None:
    peer.answers(503, {}, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=60), True)})
    found = failure(peer).retry_after
    assert found is not None
    assert 50 < found <= 60


def test_an_answer_over_a_mebibyte_is_not_read_to_its_end(peer: Peer) -> None:
    peer.answers(200, b"x" * (1024 * 1024 + 1))
    error = failure(peer)
    assert (error.retryable, error.unknown) == (False, True)


def test_no_answer_in_time_is_of_unknown_outcome(peer: Peer) -> None:
    peer.reply = lambda handler: time.sleep(1)
    error = failure(peer, replace(CALL, timeout_seconds=0.2))
    assert (error.code, error.retryable, error.unknown) == ("TIMEOUT", True, True)


def test_an_answer_that_drips_ends_with_the_time_of_the_call(peer: Peer) -> None:
    peer.reply = drip
    started = time.monotonic()
    error = failure(peer, replace(CALL, timeout_seconds=0.5))
    assert time.monotonic() - started < 2
    assert (error.code, error.unknown) == ("TIMEOUT", True)


def test_a_connection_that_breaks_after_sending_is_of_unknown_outcome(peer: Peer) -> None:
    peer.reply = hang_up
    error = failure(peer)
    assert (error.code, error.retryable, error.unknown) == ("CONNECTION", True, True)


def test_a_refused_connection_had_no_effect(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        error = failure(Peer(port=closed.getsockname()[1]))
    assert (error.code, error.retryable, error.unknown) == ("CONNECTION", True, False)


def test_connections_are_kept_and_a_broken_one_does_not_harm_the_next(peer: Peer) -> None:
    for _ in range(3):
        called(KIND, settings_for(peer), CALL)
    peer.reply = hang_up
    failure(peer)
    peer.reply = lambda handler: respond(handler, 200, b'{"again": true}', {})
    assert called(KIND, settings_for(peer), CALL).body == {"again": True}


def test_cookies_are_not_kept(peer: Peer) -> None:
    peer.answers(200, {}, {"Set-Cookie": "session=1"})
    called(KIND, settings_for(peer), CALL)
    called(KIND, settings_for(peer), CALL)
    assert "cookie" not in peer.said[1].headers


@pytest.mark.parametrize(
    ("config", "secrets", "field"),
    [
        ({}, {}, "url"),
        ({"url": 5}, {}, "url"),
        ({"url": "ftp://x.example"}, {}, "url"),
        ({"url": "https://"}, {}, "url"),
        ({"url": "http://0177.0.0.1/"}, {}, "url"),
        ({"url": "http://\u2460\u2461\u2466.0.0.1/"}, {}, "url"),
        ({"url": "/relative"}, {}, "url"),
        ({"url": "https://x.example:99999"}, {}, "url"),
        ({"url": "https://user:pw@x.example"}, {}, "url"),
        ({"url": "https://x.example", "method": "HEAD"}, {}, "method"),
        ({"url": "https://x.example", "format": "xml"}, {}, "format"),
        ({"url": "https://x.example", "envelope": "yes"}, {}, "envelope"),
        ({"url": "https://x.example", "urll": "x"}, {}, "urll"),
        ({"url": "https://x.example"}, {"headers": []}, "headers"),
        ({"url": "https://x.example"}, {"headers": {"a b": "c"}}, "headers"),
        ({"url": "https://x.example"}, {"headers": {"X-A": "a\r\nX-B: c"}}, "headers.X-A"),
        ({"url": "https://x.example"}, {"headers": {"X-A": 5}}, "headers.X-A"),
        ({"url": "https://x.example"}, {"headers": {"Host": "y"}}, "headers.Host"),
        ({"url": "https://x.example"}, {"headers": {"idempotency-key": "y"}}, "headers.idempotency-key"),
        ({"url": "https://x.example"}, {"signing_key": "short"}, "signing_key"),
        ({"url": "https://x.example"}, {"signing_key": "whsec_???"}, "signing_key"),
    ],
)
def test_wrong_settings_are_named(config: dict[str, Any], secrets: dict[str, Any], field: str) -> None:
    assert [problem.field for problem in KIND.check(config, secrets)] == [field]


def test_good_settings_pass() -> None:
    config = {"url": "https://api.stripe.com/v1/charges", "method": "POST", "format": "form"}
    assert KIND.check(config, {"headers": {"Authorization": "Bearer sk_live_xxx"}}) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_any_payload_becomes_a_form_that_reads_back_as_pairs(payload: dict[str, Any]) -> None:
    parse_qsl(
        encode_form(payload).decode(), keep_blank_values=True, strict_parsing=bool(encode_form(payload))
    )
