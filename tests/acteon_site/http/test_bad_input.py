"""Bad requests: each a clear error in the contract's form, nothing half-applied."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from acteon_site.access import keys
from audit_app.models import AuditRecord
from orders_app.models import Action, Order
from tests.world import SCOPE, Shop, order


def send(shop: Shop, raw: bytes, *, path: str = "/v1/dispatch", kind: str = "application/json") -> Any:
    return shop.client.generic("POST", path, raw, content_type=kind)


def assert_error(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    assert body["error"] == body["message"] != ""
    assert isinstance(body["retryable"], bool)
    assert answer.headers["X-Request-ID"]
    return body


def assert_nothing_happened() -> None:
    assert not Order.objects.exists()
    assert not Action.objects.exists()
    assert not AuditRecord.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"not json",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b"\xff\xfe",
        b"[" * 65 + b"]" * 65,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
)
def test_json_that_does_not_mean_one_thing_is_malformed(shop: Shop, raw: bytes) -> None:
    assert_error(send(shop, raw), 400, "MALFORMED")
    assert_nothing_happened()


def test_nesting_of_sixty_four_and_brackets_inside_texts_are_fine(shop: Shop) -> None:
    action = order(payload={"note": "[" * 200})
    assert send(shop, json.dumps(action).encode()).status_code == 200


def test_a_body_over_two_mebibytes_is_too_large(shop: Shop) -> None:
    raw = json.dumps(order(payload={"note": "x" * settings.MAX_BODY_BYTES})).encode()
    assert_error(send(shop, raw), 413, "TOO_LARGE")
    assert_nothing_happened()


def test_another_content_type_is_refused(shop: Shop) -> None:
    assert_error(send(shop, b"a=b", kind="application/x-www-form-urlencoded"), 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"namespace": None}, "namespace"),
        ({"tenant": ""}, "tenant"),
        ({"tenant": "a:b"}, "tenant"),
        ({"provider": " x"}, "provider"),
        ({"action_type": 7}, "action_type"),
        ({"id": "x" * 257}, "id"),
        ({"dedup_key": "a\u200bb"}, "dedup_key"),
        ({"created_at": "2026-01-01T00:00:00"}, "created_at"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"template": "no-such-profile"}, "template"),
    ],
)
def test_a_wrong_field_is_named(shop: Shop, change: dict[str, Any], field: str) -> None:
    body = assert_error(shop.dispatch({**order(), **change}), 422, "VALIDATION")
    assert field in [detail["field"] for detail in body["details"]]
    assert_nothing_happened()


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"total_cents": "60000"}, "payload.total_cents"),
        ({"total_cents": -1}, "payload.total_cents"),
        ({"total_cents": None}, "payload.total_cents"),
        ({"total_cents": True}, "payload.total_cents"),
        ({"total_cents": 499.5}, "payload.total_cents"),
        ({"total_cents": 10**13}, "payload.total_cents"),
        ({"shipping_country": None}, "payload.shipping_country"),
        ({"shipping_country": "USA"}, "payload.shipping_country"),
        ({"shipping_country": False}, "payload.shipping_country"),
        ({"currency": 5}, "payload.currency"),
    ],
)
def test_what_rules_trust_is_typed(shop: Shop, payload: dict[str, Any], field: str) -> None:
    body = assert_error(shop.dispatch(order(payload=payload)), 422, "VALIDATION")
    assert [detail["field"] for detail in body["details"]] == [field]
    assert_nothing_happened()


def test_a_body_that_is_no_object_is_422_and_a_batch_that_is_no_array_400(shop: Shop) -> None:
    assert_error(shop.dispatch([1]), 422, "VALIDATION")
    assert_error(shop.post("/v1/dispatch/batch", {"a": 1}), 400, "MALFORMED")
    assert_error(shop.post("/v1/dispatch/batch", [{}] * 1001), 400, "BATCH_TOO_LARGE")
    assert shop.post("/v1/dispatch/batch", []).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chains/nonsense",
        "/v1/chains/01900000-0000-7000-8000-000000000000",
        "/v1/events/nobody?namespace=ecommerce&tenant=acme-store",
        "/v1/audit/nobody",
        "/v1/chains/definitions/nobody",
    ],
)
def test_what_is_not_there_is_404(shop: Shop, path: str) -> None:
    assert_error(shop.get(path), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/v1/bus", "/v1/agents/7", "/v1/dispatch/"])
def test_areas_that_this_gateway_does_not_have_say_so(shop: Shop, path: str) -> None:
    assert_error(shop.get(path), 404, "NOT_SUPPORTED")


@pytest.mark.parametrize(
    "path", ["/v1/events", "/v1/chains?namespace=a", "/v1/events?namespace=a&tenant=b&limit=0"]
)
def test_a_query_that_lacks_its_scope_or_is_out_of_bounds_is_400(shop: Shop, path: str) -> None:
    assert_error(shop.get(path), 400, "BAD_QUERY")


def test_an_illegal_move_is_409_naming_the_allowed(shop: Shop) -> None:
    shop.place(payload={"order_id": "one"})
    path = "/v1/events/one/transition"
    for to in ("delivered", "lost"):
        body = assert_error(shop.put(path, {"to": to, **SCOPE}), 409, "TRANSITION_NOT_ALLOWED")
        assert "confirmed" in body["error"]
    assert_error(shop.put("/v1/events/two/transition", {"to": "confirmed", **SCOPE}), 404, "NOT_FOUND")


def test_without_a_key_nothing_is_open(db: None) -> None:
    client = APIClient()
    for method, path in (("post", "/v1/dispatch"), ("get", "/v1/rules"), ("get", "/v1/audit")):
        answer = getattr(client, method)(path, format="json")
        assert_error(answer, 401, "UNAUTHENTICATED")
    client.credentials(HTTP_AUTHORIZATION="Bearer acteon_wrong")
    assert client.get("/v1/rules").status_code == 401
    assert client.get("/health").json() == {"status": "ok"}


@pytest.mark.parametrize("random_part", ["t_" + "x" * 41, "oken_" + "x" * 38, "_" * 43])
def test_a_key_signs_in_whatever_its_random_characters(
    db: None, monkeypatch: pytest.MonkeyPatch, random_part: str
) -> None:
    monkeypatch.setattr(keys.secrets, "token_urlsafe", lambda size: random_part)
    assert Shop(role="viewer").get("/v1/retention", **SCOPE).status_code == 200


def test_a_viewer_reads_and_does_not_dispatch(shop: Shop) -> None:
    viewer = Shop(role="viewer")
    assert viewer.get("/v1/rules").status_code == 200
    assert_error(viewer.dispatch(order()), 403, "FORBIDDEN")
    assert_nothing_happened()


def test_a_key_of_another_tenant_neither_dispatches_nor_reads_here(shop: Shop) -> None:
    stranger = Shop(role="operator", tenants=["other-store"])
    assert_error(stranger.dispatch(order()), 403, "FORBIDDEN")
    outcome = shop.place(payload={"order_id": "one"})
    chain = outcome["Executed"]["body"]["chain_id"]
    assert stranger.get(f"/v1/chains/{chain}").status_code == 404
    assert stranger.get("/v1/events/one", **SCOPE).status_code == 403


def test_the_demo_clock_is_refused_where_it_is_off(shop: Shop, settings: Any) -> None:
    settings.DEMO_CLOCK = False
    assert_error(shop.dispatch(order()), 400, "BAD_QUERY")
    assert_nothing_happened()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/dispatch?dry_run=true&dry_run=false"),
        ("POST", "/v1/dispatch?dry_run=true&dry_run=true"),
        ("POST", "/v1/dispatch?dry_run=true&dry%5Frun=false"),
        ("POST", "/v1/dispatch/batch?dry_run=true&dry_run=false"),
        ("GET", "/v1/events?namespace=ecommerce&tenant=acme-store&tenant=other"),
        ("GET", "/v1/stream?namespace=ecommerce&namespace=other"),
        ("GET", "/v1/subscribe/action/x?tenant=a&tenant=b"),
        ("GET", "/v1/approvals/e/t/x/approve?sig=a&sig=b&expires_at=1"),
    ],
)
def test_a_query_parameter_that_comes_twice_is_refused_by_name(shop: Shop, method: str, path: str) -> None:
    answer = shop.client.generic(method, path, json.dumps(order()), content_type="application/json")
    error = assert_error(answer, 400, "BAD_QUERY")
    name = path.partition("?")[2].partition("=")[0]
    twice = "tenant" if "/v1/events" in path else name
    assert [problem["field"] for problem in error["details"]] == [twice]
    assert twice in error["message"]
    assert_nothing_happened()


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=latin-1",
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/dispatch", "/v1/dispatch/batch", "/v1/rules/evaluate", "/v1/auth/login"]
)
def test_a_body_that_does_not_say_that_it_is_json_is_refused(shop: Shop, path: str, kind: str) -> None:
    answer = send(shop, json.dumps(order()).encode(), path=path, kind=kind)
    assert "application/json" in assert_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")["message"]
    assert_nothing_happened()


@pytest.mark.parametrize("kind", ['application/json; charset="UTF-8"', "Application/JSON;charset=utf8"])
def test_json_may_say_that_it_is_utf_8(shop: Shop, kind: str) -> None:
    assert send(shop, json.dumps(order()).encode(), kind=kind).status_code == 200


def test_a_body_in_another_content_encoding_is_refused_and_not_read_as_if_it_had_none(shop: Shop) -> None:
    body = json.dumps(order())
    sent = {"content_type": "application/json", "headers": {"Content-Encoding": "gzip"}}
    answer = shop.client.generic("POST", "/v1/dispatch", body, **sent)
    assert "Content-Encoding" in assert_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")["message"]
    assert answer.headers["Accept-Encoding"] == "identity"
    assert_nothing_happened()


def test_no_kind_is_needed_where_there_is_no_body(shop: Shop) -> None:
    assert shop.client.generic("POST", "/v1/circuit-breakers/warehouse/trip").status_code == 200


@pytest.mark.parametrize("kind", ["", "application/json"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "https://127.0.0.1"},
        {"Origin": ""},
        {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_places_no_order_in_the_open_mode(
    shop: Shop, settings: Any, headers: dict[str, str], kind: str
) -> None:
    settings.API_OPEN_ON_LOOPBACK = True
    anybody = APIClient(SERVER_NAME="127.0.0.1", headers=headers)
    answer = anybody.generic("POST", "/v1/dispatch", json.dumps(order()), content_type=kind)
    assert_error(answer, 401, "UNAUTHENTICATED")
    assert_nothing_happened()


def test_a_page_of_our_own_does(shop: Shop, settings: Any) -> None:
    settings.API_OPEN_ON_LOOPBACK = True
    own = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    answer = APIClient(SERVER_NAME="127.0.0.1", headers=own).post("/v1/dispatch", order(), format="json")
    assert answer.status_code == 200
