"""The webhook's terms against a real server: methods, what statuses mean, mapping, sizes, signatures, the address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains_app.providers.base import Answer, ProviderError, ProviderSettings
from chains_app.providers.calling import call_provider
from chains_app.providers.webhook import MAX_QUERY_BYTES, WebhookKind
from chains_app.services.advance import runs_sweep
from chains_app.services.providers import provider_save
from tests.chains_app.doors import called
from tests.chains_app.gateway import detail, start, step
from tests.chains_app.peer import Peer, peer_running
from tests.chains_app.test_webhook import CALL
from tests.world import Shop

KIND = WebhookKind()
TOKEN = "Xx0Yy1Zz2Aa3Bb4Cc5Dd6Ee7"


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as running:
        yield running


def ask(peer: Peer, payload: Any = None, secrets: Any = None, **config: Any) -> Answer:
    settings = ProviderSettings("gateway", "webhook", {"url": peer.url, **config}, secrets or {})
    assert KIND.check(settings.config, settings.secrets) == []
    return called(KIND, settings, replace(CALL, payload=CALL.payload if payload is None else payload))


def failure(peer: Peer, payload: Any = None, **config: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(peer, payload, **config)
    return caught.value


def problems(**config: Any) -> list[tuple[str, str]]:
    return [(found.field, found.message) for found in KIND.check({"url": "https://x.example", **config}, {})]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_get_and_delete_carry_the_payload_in_the_query_and_no_body(peer: Peer, method: str) -> None:
    payload = {"order_id": "ö&1 2", "items": [{"sku": "A"}], "gone": None, "rush": True}
    url = f"{peer.url}?v=2"
    ask(peer, payload, {"signing_key": "k" * 16}, method=method, url=url)
    request = peer.said[0]
    assert (request.method, urlsplit(request.path).path, request.body) == (method, "/hook", b"")
    assert parse_qsl(urlsplit(request.path).query) == [
        ("v", "2"),
        ("order_id", "ö&1 2"),
        ("items[0][sku]", "A"),
        ("rush", "true"),
    ]
    assert "content-type" not in request.headers
    assert "content-length" not in request.headers
    assert request.headers["idempotency-key"] == CALL.idempotency_key
    signed = f"{CALL.idempotency_key}.{request.headers['webhook-timestamp']}.".encode()
    digest = hmac.new(b"k" * 16, signed, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_an_empty_payload_leaves_the_address_as_it_is(peer: Peer) -> None:
    ask(peer, {}, method="GET")
    ask(peer, {}, method="DELETE", envelope=True)
    assert peer.said[0].path == "/hook"
    assert ("tenant", "acme-store") in parse_qsl(urlsplit(peer.said[1].path).query)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_the_other_methods_carry_a_body(peer: Peer, method: str) -> None:
    ask(peer, method=method)
    assert (peer.said[0].method, json.loads(peer.said[0].body)) == (method, CALL.payload)


def test_a_format_makes_no_sense_without_a_body() -> None:
    told = "GET has no body: the payload goes into the query"
    assert problems(method="GET", format="form") == [("format", told)]


def test_the_successes_of_a_provider_are_its_own(peer: Peer) -> None:
    peer.answers(409, {"known": True})
    assert ask(peer, success_statuses=["2xx", 409]).body == {"known": True}
    peer.answers(404)
    assert ask(peer, method="DELETE", success_statuses=[200, 204, 404]).body == {}


def test_a_2xx_that_is_no_success_may_have_taken_effect(peer: Peer) -> None:
    peer.answers(202, {"message": "queued"})
    error = failure(peer, success_statuses=[200])
    assert (error.message, error.retryable, error.unknown, error.settles) == (
        "HTTP 202: queued",
        False,
        True,
        False,
    )
    again = failure(peer, success_statuses=[200], retry_statuses=[202, "5xx"])
    assert (again.retryable, again.unknown) == (True, True)


@pytest.mark.parametrize(
    ("status", "entries", "retryable", "unknown"),
    [
        (409, [409], True, False),
        (423, ["4xx"], True, False),
        (429, [409], False, False),
        (503, [409], False, False),
        (500, [409], False, True),
        (500, ["5xx"], True, True),
        (502, [502], True, True),
        (504, [], False, True),
        (408, [], False, False),
    ],
)
def test_retry_statuses_say_what_is_tried_again_and_never_that_nothing_happened(
    peer: Peer, status: int, entries: list[Any], retryable: bool, unknown: bool
) -> None:
    peer.answers(status, {})
    error = failure(peer, retry_statuses=entries)
    assert (error.retryable, error.unknown) == (retryable, unknown)


@pytest.mark.parametrize("status", [*range(300, 309), *range(400, 430), 451, *range(500, 506), 599])
def test_only_a_verdict_on_the_key_settles_what_was_open(peer: Peer, status: int) -> None:
    peer.answers(status, {"error": "no"}, {"Location": "/"})
    assert failure(peer).settles is (status in (400, 402, 410))


def test_which_refusals_settle_may_be_said(peer: Peer) -> None:
    peer.answers(422, {"error": "no"})
    assert failure(peer, settling_statuses=[422]).settles is True
    assert failure(peer, settling_statuses=[]).settles is False
    peer.answers(400, {"error": "no"})
    assert failure(peer, settling_statuses=[422]).settles is False
    assert failure(peer, retry_statuses=[400]).settles is False


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"type": "idempotency_error", "message": "Keys for …"}},
        {"error": {"message": "Keys for idempotent requests can only be used with the same parameters"}},
        {"title": "Idempotency-Key is already used"},
    ],
)
def test_a_complaint_about_the_key_itself_settles_nothing(peer: Peer, body: Any) -> None:
    peer.answers(400, body)
    assert failure(peer).settles is False


def test_nothing_that_happens_on_the_way_settles_anything(peer: Peer, settings: Any) -> None:
    assert failure(peer, {"a": float("nan")}).settles is False
    peer.answers(200, b"x" * 5000)
    assert failure(peer, max_response_bytes=1024).settles is False
    settings.OUTBOUND_ALLOW = []
    assert failure(peer).settles is False
    assert failure(Peer(port=1)).settles is False


@pytest.mark.parametrize(
    ("config", "field", "said"),
    [
        ({"success_statuses": ["3xx"]}, "success_statuses[0]", "a redirect is never a success"),
        ({"success_statuses": [200, 304]}, "success_statuses[1]", "a redirect is never a success"),
        ({"success_statuses": ["5xx"]}, "success_statuses[0]", "the peer says that it failed"),
        ({"success_statuses": ["4xx"]}, "success_statuses[0]", "name the single statuses"),
        ({"success_statuses": [101]}, "success_statuses[0]", "no final answer"),
        ({"success_statuses": []}, "success_statuses", "must name at least one"),
        ({"success_statuses": 200}, "success_statuses", "must be a list"),
        ({"success_statuses": ["200"]}, "success_statuses[0]", "must be a status such as 409"),
        ({"success_statuses": [True]}, "success_statuses[0]", "must be a status such as 409"),
        ({"success_statuses": [2000]}, "success_statuses[0]", "must be a status such as 409"),
        ({"success_statuses": [429]}, "success_statuses", "429 is in retry_statuses, as long as that is not"),
        ({"retry_statuses": [302]}, "retry_statuses[0]", "another try changes nothing"),
        ({"retry_statuses": ["6xx"]}, "retry_statuses[0]", "must be a status such as 409"),
        ({"retry_statuses": [202]}, "retry_statuses", "202 is in success_statuses, as long as that is not"),
        ({"settling_statuses": [500]}, "settling_statuses[0]", "must be a single 4xx status"),
        ({"settling_statuses": ["4xx"]}, "settling_statuses[0]", "must be a single 4xx status"),
        ({"settling_statuses": [429]}, "settling_statuses", "429 is in retry_statuses"),
        ({"max_request_bytes": 10}, "max_request_bytes", "whole number from 1024 to 8388608"),
        ({"max_response_bytes": 1 << 30}, "max_response_bytes", "whole number from 1024 to 8388608"),
        ({"response_mapping": ["a"]}, "response_mapping", "must be an object"),
        ({"response_mapping": {"a.b": "c"}}, "response_mapping", '"a.b" must be a name'),
        ({"response_mapping": {"a": "b..c"}}, "response_mapping.a", "must be a path such as"),
        ({"response_mapping": {"a": 5}}, "response_mapping.a", "must be a path such as"),
    ],
)
def test_wrong_terms_are_told_with_what_to_do(config: dict[str, Any], field: str, said: str) -> None:
    found = problems(**config)
    assert [name for name, _ in found] == [field]
    assert said in found[0][1]


wild = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["2xx", "${A}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(sorted(KIND.config_keys)), wild),
    st.dictionaries(st.sampled_from(sorted(KIND.secret_keys)), wild),
)
def test_any_settings_are_checked_without_a_surprise(config: Any, secrets: Any) -> None:
    found = KIND.check(config, secrets)
    assert all(problem.field and problem.message for problem in found)


def test_names_are_given_to_parts_of_an_answer(peer: Peer) -> None:
    mapping = {
        "in_stock": "data.items[0].free",
        "also": "data.items.1.free",
        "count": "data.count",
        "status": "data.state",
        "nowhere": "data.items[7].free",
    }
    peer.answers(200, {"status": "ok", "data": {"items": [{"free": True}, {"free": 0}], "state": "open"}})
    assert ask(peer, response_mapping=mapping).body == {
        "status": "open",
        "data": {"items": [{"free": True}, {"free": 0}], "state": "open"},
        "in_stock": True,
        "also": 0,
        "count": None,
        "nowhere": None,
    }
    peer.answers(200, [{"id": 7}])
    assert ask(peer, response_mapping={"id": "value[0].id"}).body == {"value": [{"id": 7}], "id": 7}
    peer.answers(200, b"thanks")
    assert ask(peer, response_mapping={"id": "data.id"}).body == {"text": "thanks", "id": None}


@pytest.mark.parametrize(("free", "path"), [(True, ["look", "ship"]), (False, ["look", "wait"])])
def test_branches_read_the_given_names(shop: Shop, peer: Peer, free: bool, path: list[str]) -> None:
    mapping = {"in_stock": "data.items[0].free"}
    spec = {"name": "stock", "type": "webhook", "url": peer.url, "method": "GET", "response_mapping": mapping}
    provider_save(spec=spec, actor="test")
    provider_save(spec={"name": "peer", "type": "log"}, actor="test")
    branch = {"field": "body.in_stock", "operator": "eq", "value": True, "target": "ship"}
    peer.answers(200, {"data": {"items": [{"free": free}]}})
    look = step("look", provider="stock", branches=[branch], default_next="wait")
    run = start(shop, look, step("wait", default_next="end"), step("ship", default_next="end"))
    runs_sweep()
    found = detail(shop, run)
    assert (found["status"], found["execution_path"]) == ("completed", path)
    assert peer.said[0].headers["idempotency-key"] == f"{run.pk}:look"


def test_an_answer_may_be_as_large_as_the_settings_say(peer: Peer) -> None:
    body = {"text": "x" * 1013}
    peer.answers(200, body)
    assert len(json.dumps(body)) == 1025
    error = failure(peer, max_response_bytes=1024)
    assert (error.code, error.retryable, error.unknown) == ("EXECUTION_FAILED", False, True)
    assert error.message == "the answer is larger than 1024 bytes"
    assert ask(peer, max_response_bytes=1025).body == body
    peer.answers(200, b"x" * (2 * 1024 * 1024))
    assert len(ask(peer, max_response_bytes=2 * 1024 * 1024).body["text"]) == 2 * 1024 * 1024


def test_a_refusal_with_a_page_that_is_too_large_is_a_refusal(peer: Peer) -> None:
    peer.answers(400, b"<html>" + b"x" * 5000)
    error = failure(peer, max_response_bytes=1024)
    # Whoever sends a page has not judged the key of an earlier call.
    assert (error.message, error.unknown, error.settles) == ("HTTP 400", False, False)


@pytest.mark.parametrize("config", [{}, {"format": "form"}, {"method": "DELETE"}])
def test_a_request_that_is_too_large_never_leaves_the_process(peer: Peer, config: dict[str, Any]) -> None:
    error = failure(peer, {"note": "x" * 5000}, max_request_bytes=4096, **config)
    assert (error.code, error.retryable, error.unknown) == ("SERIALIZATION", False, False)
    assert error.message.endswith("bytes, more than the 4096 allowed; it was not sent")
    assert peer.said == []


def test_without_a_setting_a_body_may_have_a_mebibyte_and_a_query_16_kib(peer: Peer) -> None:
    ask(peer, {"note": "x" * (1024 * 1024 - len('{"note":""}'))})
    assert failure(peer, {"note": "x" * (1024 * 1024)}).code == "SERIALIZATION"
    ask(peer, {"note": "x" * (MAX_QUERY_BYTES - len("note="))}, method="GET")
    error = failure(peer, {"note": "x" * MAX_QUERY_BYTES}, method="GET", max_request_bytes=8 * 1024 * 1024)
    assert error.code == "SERIALIZATION"
    assert len(peer.said) == 2


def test_every_key_signs_the_newest_first(peer: Peer) -> None:
    new, old = b"n" * 24, b"an-old-key-as-plain-text"
    keys = ["whsec_" + base64.b64encode(new).decode(), old.decode()]
    ask(peer, None, {"signing_keys": keys})
    request = peer.said[0]
    signed = f"{CALL.idempotency_key}.{request.headers['webhook-timestamp']}.".encode() + request.body
    digests = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in (new, old)]
    assert request.headers["webhook-signature"] == " ".join(f"v1,{digest.decode()}" for digest in digests)


@pytest.mark.parametrize(
    ("secrets", "field"),
    [
        ({"signing_keys": ["k" * 16], "signing_key": "k" * 16}, "signing_keys"),
        ({"signing_keys": ["k" * 16] * 6}, "signing_keys"),
        ({"signing_keys": "k" * 16}, "signing_keys"),
        ({"signing_keys": ["k" * 16, "short"]}, "signing_keys[1]"),
        ({"signing_keys": ["whsec_???"]}, "signing_keys[0]"),
        ({"signing_keys": [7]}, "signing_keys[0]"),
        ({"secret_url": "https://y.example"}, "secret_url"),
    ],
)
def test_wrong_secrets_are_named(secrets: dict[str, Any], field: str) -> None:
    found = KIND.check({"url": "https://x.example"}, secrets)
    assert [problem.field for problem in found] == [field]


def test_a_secret_address_is_called(peer: Peer) -> None:
    settings = ProviderSettings("slack", "webhook", {}, {"secret_url": f"{peer.url}/{TOKEN}"})
    assert KIND.check(settings.config, settings.secrets) == []
    called(KIND, settings, CALL)
    assert peer.said[0].path == f"/hook/{TOKEN}"
    assert [found.field for found in KIND.check({}, {"secret_url": "ftp://x.example"})] == ["secret_url"]


@pytest.mark.parametrize("key", ["url", "secret_url"])
def test_no_error_and_no_log_line_tells_the_address(
    peer: Peer, db: None, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    url = f"{peer.url}/services/{TOKEN}?sig=s3cret%2Fsignature"
    config, secrets = ({"url": url}, {}) if key == "url" else ({}, {"secret_url": url})
    settings = ProviderSettings("slack", "webhook", config, secrets)
    said = [
        f"no hook at {url}",
        f"POST /hook/services/{TOKEN}",
        f"unknown {TOKEN}",
        "POST /hook/services/Xx0Yy1Zz2Aa3Bb4Cc5Dd6Ee7?sig=s3cret/signature",
    ]
    with caplog.at_level(logging.DEBUG):
        for text in said:
            peer.answers(404, {"error": text})
            with pytest.raises(ProviderError) as caught:
                call_provider(settings, CALL)
            assert "[secret]" in caught.value.message
            assert TOKEN not in str(caught.value)
            assert "s3cret" not in str(caught.value)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(caught.value.__cause__)


def test_of_a_secret_address_every_part_is_scrubbed(peer: Peer, db: None) -> None:
    peer.answers(404, {"error": "no token abcdef in team T0TEAM"})
    settings = ProviderSettings("slack", "webhook", {}, {"secret_url": f"{peer.url}/T0TEAM/abcdef"})
    with pytest.raises(ProviderError) as caught:
        call_provider(settings, CALL)
    assert caught.value.message == "HTTP 404: no token [secret] in team [secret]"


@pytest.mark.parametrize("before", range(150, 200, 7))
def test_no_half_of_a_secret_stays_where_a_long_text_is_cut(peer: Peer, db: None, before: int) -> None:
    key = "sk_live_0123456789abcdefghijklmnopqrstuvwxyz"
    peer.answers(400, {"error": f"{'x' * before} {key} 4111111111111111 {'y' * 300}"})
    settings = ProviderSettings("g", "webhook", {"url": peer.url}, {"headers": {"Authorization": key}})
    with pytest.raises(ProviderError) as caught:
        call_provider(settings, CALL)
    assert "sk_live" not in caught.value.message
    assert "4111" not in caught.value.message
    assert len(caught.value.message) <= 300


def test_scrubbing_keeps_what_the_error_says_otherwise(peer: Peer, db: None) -> None:
    peer.answers(402, {"error": "card declined for key kkkkkkkkkkkkkkkkkkkk"}, {"Retry-After": "3"})
    settings = ProviderSettings("g", "webhook", {"url": peer.url}, {"signing_keys": ["k" * 20]})
    with pytest.raises(ProviderError) as caught:
        call_provider(settings, CALL)
    error = caught.value
    assert error.message == "HTTP 402: card declined for key [secret]"
    assert (error.settles, error.retry_after) == (True, 3)
    with pytest.raises(ProviderError) as off:
        call_provider(replace(settings, enabled=False), CALL)
    assert off.value.settles is False
