"""What holds for every answer: paths, times, errors, keys, identifiers, lists, request ids."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from acteon_site.access.keys import api_key_create, api_key_revoke
from acteon_site.base.principals import Role
from acteon_site.models import ApiKey
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.strict import Shape, listed
from tests.world import SCOPE, Shop, order

LISTS = {
    "/v1/audit": "records",
    "/v1/events": "events",
    "/v1/scheduled": "scheduled",
    "/v1/approvals": "approvals",
    "/v1/quotas": "quotas",
    "/v1/rules/drafts": "drafts",
    "/v1/rules/backtests": "backtests",
    "/v1/rules/versions": "versions",
    "/v1/retention": "policies",
    "/v1/chains": "chains",
    "/v1/chains/definitions": "definitions",
    "/v1/incidents": "incidents",
    "/v1/circuit-breakers": "circuit_breakers",
    "/admin/circuit-breakers": "circuit_breakers",
    "/v1/recurring": "recurring_actions",
    "/v1/templates": "templates",
    "/v1/templates/profiles": "profiles",
}
SHARED = ("definitions", "breakers", "rules")
SCOPED_LISTS = [path for path in LISTS if not any(name in path for name in SHARED)]
NOT_OURS = (
    "/v1/bus/topics",
    "/v1/agents",
    "/v1/plugins",
    "/v1/swarm",
    "/v1/anything/else",
    "/a2a",
    "/a2a/agents/x/card",
)


def test_paths_carry_no_trailing_slash(client: Strict) -> None:
    for path in ("/v1/rules/", "/v1/dispatch/", "/v1/audit/", "/v1/quotas/", "/v1/chains/", "/health/"):
        client.refused("GET", path, 404)


@pytest.mark.parametrize("area", NOT_OURS)
def test_areas_that_we_do_not_have_say_so(client: Strict, area: str) -> None:
    client.refused("GET", area, 404, "NOT_SUPPORTED")
    client.refused("POST", area, 404, "NOT_SUPPORTED")


def test_a_method_that_a_path_does_not_have_is_refused_as_json(client: Strict) -> None:
    client.refused("DELETE", "/v1/dispatch", 405, "METHOD_NOT_ALLOWED")
    assert "POST" in client.last.headers["Allow"]
    client.refused("POST", "/v1/stream", 405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("path", LISTS)
def test_lists_are_wrapped_and_empty_ones_are_arrays(client: Strict, path: str) -> None:
    def check(body: Any, at: str) -> None:
        assert isinstance(body[LISTS[path]], list), at

    scope = {"namespace": "nobody", "tenant": "nobody"} if path in SCOPED_LISTS else {}
    body = client.get(path, check, **scope)
    if scope:
        assert body[LISTS[path]] == []


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "x"}, {"limit": "-1"}, {"limit": "1001"}, {"limit": "1.5"}, {"limit": ""}],
)
def test_page_sizes_have_bounds(client: Strict, path: str, query: dict[str, str]) -> None:
    client.refused("GET", path, 400, "BAD_QUERY", query={**SCOPE, **query})


@pytest.mark.parametrize("path", LISTS)
def test_offsets_end_at_ten_thousand(client: Strict, path: str) -> None:
    client.refused("GET", path, 400, "BAD_QUERY", query={**SCOPE, "offset": 10_001})
    assert client.send("GET", path, query={**SCOPE, "offset": 10_000}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/events", "/v1/approvals", "/v1/scheduled", "/v1/chains", "/v1/incidents"]
)
@pytest.mark.parametrize("left_out", ["namespace", "tenant"])
def test_lists_of_a_tenants_things_need_both_names(client: Strict, path: str, left_out: str) -> None:
    query = {name: value for name, value in SCOPE.items() if name != left_out}
    error = client.refused("GET", path, 400, "BAD_QUERY", query=query)
    assert [problem["field"] for problem in error["details"]] == [left_out]


BAD_NAMES = ["", " x", "x ", "x" * 257, "a\tb", "a\u200bb", "a\u00adb"]


@pytest.mark.parametrize("name", [*BAD_NAMES, "a:b"])
@pytest.mark.parametrize("field", ["namespace", "tenant"])
def test_a_name_that_is_none_is_malformed_in_a_query(client: Strict, field: str, name: str) -> None:
    error = client.refused("GET", "/v1/events", 400, "BAD_QUERY", query={**SCOPE, field: name})
    assert [problem["field"] for problem in error["details"]] == [field]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize(
    "field", ["namespace", "tenant", "provider", "action_type", "id", "dedup_key", "fingerprint"]
)
def test_a_name_that_is_none_is_invalid_in_a_body(client: Strict, field: str, name: str) -> None:
    if not name and field in ("id", "dedup_key", "fingerprint"):
        name = "\x1f"
    error = client.refused("POST", "/v1/dispatch", 422, "VALIDATION", body=order(**{field: name}))
    assert [problem["field"] for problem in error["details"]] == [field]


def test_colons_are_for_ids_and_types_only(client: Strict) -> None:
    for field in ("namespace", "tenant", "provider"):
        client.refused("POST", "/v1/dispatch", 422, body=order(**{field: "a:b"}))
    fine = order(id="a:b", dedup_key="a:b", fingerprint="a:b", action_type="a:b")
    client.post("/v1/dispatch", shapes.outcome, fine)


def test_names_of_two_hundred_and_fifty_six_characters_fit(client: Strict) -> None:
    long = dict.fromkeys(("id", "dedup_key", "fingerprint"), "é" * 256)
    client.post("/v1/dispatch", shapes.outcome, order(**long))


@pytest.mark.parametrize(
    "raw", [b"{", b'{"a":NaN}', b'{"a":1,"a":2}', b'"\\u0000"', b'"\\udc00"', b"[" * 65 + b"]" * 65]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/dispatch"),
        ("POST", "/v1/dispatch/batch"),
        ("POST", "/v1/quotas"),
        ("PUT", "/v1/chains/definitions/x"),
        ("POST", "/v1/auth/login"),
        ("POST", "/v1/rules/evaluate"),
    ],
)
def test_malformed_json_is_malformed_everywhere(client: Strict, method: str, path: str, raw: bytes) -> None:
    client.refused(method, path, 400, "MALFORMED", raw=raw)


def test_what_is_no_json_is_of_the_wrong_type(client: Strict) -> None:
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
    ):
        client.refused("POST", "/v1/dispatch", 415, "UNSUPPORTED_MEDIA_TYPE", raw=b"a=b", kind=kind)


def test_bodies_end_at_two_mebibytes(client: Strict) -> None:
    client.refused("POST", "/v1/dispatch", 413, "TOO_LARGE", raw=b'"' + b"x" * 2 * 1024 * 1024 + b'"')


@pytest.mark.parametrize("body", [[], "x", 7, None, True])
@pytest.mark.parametrize(
    "path", ["/v1/dispatch", "/v1/quotas", "/v1/templates", "/v1/rules/evaluate", "/v1/audit/verify"]
)
def test_json_of_another_kind_is_invalid(client: Strict, path: str, body: Any) -> None:
    import json

    client.refused("POST", path, 422, "VALIDATION", raw=json.dumps(body).encode())


def test_unknown_keys_are_ignored(client: Strict) -> None:
    client.post("/v1/dispatch", shapes.outcome, order(unknown={"deep": [1]}))
    client.post(
        "/v1/quotas",
        shapes.QUOTA,
        {**SCOPE, "max_actions": 1, "window": "hourly", "overage_behavior": "block", "zzz": 1},
        status=201,
    )


def test_nul_in_a_path_or_query_finds_nothing(client: Strict) -> None:
    for path in (
        "/v1/audit/a%00b",
        "/v1/chains/a%00b",
        "/v1/chains/definitions/a%00b",
        "/v1/rules/a%00b/enabled",
    ):
        assert client.send("GET", path).status_code in (404, 405)
    client.refused("GET", "/v1/audit", 400, "BAD_QUERY", query={"provider": "\x00"})
    client.refused("GET", "/v1/quotas", 400, "BAD_QUERY", query={"namespace": "\x00"})
    client.refused("GET", "/v1/stream", 400, "BAD_QUERY", query={"namespace": "\x00"})
    client.refused("GET", "/v1/subscribe/chain/a%00b", 404, "NOT_FOUND")


def test_a_request_id_is_taken_over_or_made(client: Strict) -> None:
    client.send("GET", "/v1/rules", headers={"X-Request-ID": "from-the-shop.1"})
    assert client.last.headers["X-Request-ID"] == "from-the-shop.1"
    action = order()
    client.send("POST", "/v1/dispatch", body=action, headers={"X-Request-ID": "order-7"})
    assert client.get(f"/v1/audit/{action['id']}", shapes.RECORD)["request_id"] == "order-7"
    client.send("GET", "/v1/rules", headers={"X-Request-ID": "no\tgood " + "x" * 300})
    assert len(client.last.headers["X-Request-ID"]) == 36


# Who may come in -----------------------------------------------------------------------------------------------


def test_a_key_comes_as_bearer_or_by_its_own_header(shop: Shop) -> None:
    bare = Strict()
    for headers in ({"Authorization": f"Bearer {shop.secret}"}, {"X-API-Key": shop.secret}):
        assert bare.send("GET", "/v1/rules", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-API-Key": "acteon_wrong"}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}],
)
def test_without_a_good_key_nobody_comes_in(shop: Shop, headers: dict[str, str]) -> None:
    bare = Strict()
    for method, path in (
        ("GET", "/v1/rules"),
        ("POST", "/v1/dispatch"),
        ("GET", "/v1/stream"),
        ("GET", "/v1/audit/x"),
    ):
        bare.refused(method, path, 401, "UNAUTHENTICATED", headers=headers)


def test_revoked_and_expired_keys_are_unknown(shop: Shop) -> None:
    api_key_revoke(key=shop.key)
    Strict(shop.secret).refused("GET", "/v1/rules", 401)
    _, old = api_key_create(name="old", role="admin", expires_at=timezone.now() - timedelta(seconds=1))
    Strict(old).refused("GET", "/v1/rules", 401)


def test_a_key_is_stored_hashed_and_remembers_its_last_use(shop: Shop) -> None:
    Strict(shop.secret).send("GET", "/v1/rules")
    key = ApiKey.objects.get(pk=shop.key.pk)
    assert key.last_used_at is not None
    assert shop.secret.startswith(key.prefix)
    assert len(key.prefix) < 16
    assert shop.secret not in str(vars(key))


WRITES = {
    Role.OPERATOR: [
        ("POST", "/v1/dispatch"),
        ("POST", "/v1/dispatch/batch"),
        ("PUT", "/v1/events/x/transition"),
        ("POST", "/v1/orders/x/cancel"),
        ("POST", "/v1/scheduled/x/cancel"),
        ("POST", "/v1/audit/x/replay"),
        ("POST", "/v1/audit/replay"),
        ("POST", "/v1/chains/x/cancel"),
        ("POST", "/v1/chains/x/retry"),
        ("POST", "/v1/incidents/x/retry"),
        ("POST", "/v1/dlq/x/replay"),
        ("POST", "/v1/dlq/drain"),
        ("POST", "/v1/circuit-breakers/x/trip"),
        ("POST", "/admin/circuit-breakers/x/reset"),
    ],
    Role.ADMIN: [
        ("PUT", "/v1/rules/x/enabled"),
        ("POST", "/v1/rules/reload"),
        ("POST", "/v1/rules/drafts"),
        ("PUT", "/v1/rules/drafts/1/rules/x"),
        ("POST", "/v1/rules/drafts/1/publish"),
        ("POST", "/v1/rules/versions/1/restore"),
        ("POST", "/v1/rules/backtests"),
        ("DELETE", "/v1/rules/backtests/x"),
        ("POST", "/v1/quotas"),
        ("PUT", "/v1/quotas/x"),
        ("DELETE", "/v1/quotas/x"),
        ("POST", "/v1/subscriptions"),
        ("PUT", "/v1/subscriptions/x"),
        ("POST", "/v1/subscriptions/x/rotate-secret"),
        ("POST", "/v1/subscriptions/x/replay"),
        ("POST", "/v1/retention"),
        ("PUT", "/v1/retention/x"),
        ("DELETE", "/v1/retention/x"),
        ("PUT", "/v1/chains/definitions/x"),
        ("DELETE", "/v1/chains/definitions/x"),
        ("POST", "/v1/templates"),
        ("PUT", "/v1/templates/x"),
        ("DELETE", "/v1/templates/x"),
        ("POST", "/v1/templates/profiles"),
        ("DELETE", "/v1/templates/profiles/x"),
    ],
}


@pytest.mark.parametrize(
    ("needed", "method", "path"),
    [(role, method, path) for role, calls in WRITES.items() for method, path in calls],
)
def test_each_role_may_do_its_own_and_no_more(shop: Shop, needed: Role, method: str, path: str) -> None:
    for role in Role:
        own = Strict(Shop(role=role.name.lower()).secret)
        if role < needed:
            own.refused(method, path, 403, "FORBIDDEN")
        else:
            assert own.send(method, path).status_code not in (401, 403)


@pytest.mark.parametrize(
    "path", ["/v1/rules", "/v1/events", "/v1/chains", "/v1/audit", "/v1/quotas", "/v1/retention"]
)
def test_a_viewer_reads(shop: Shop, path: str) -> None:
    assert Strict(Shop(role="viewer").secret).send("GET", path, query=SCOPE).status_code == 200


def test_what_belongs_to_no_tenant_is_changed_with_scope_all_only(stranger: Strict) -> None:
    for method, path in (
        ("POST", "/v1/rules/reload"),
        ("PUT", "/v1/chains/definitions/x"),
        ("DELETE", "/v1/chains/definitions/order-processing"),
        ("POST", "/v1/circuit-breakers/payment-gateway/trip"),
        ("POST", "/admin/circuit-breakers/payment-gateway/reset"),
        ("GET", "/v1/providers/health"),
        ("GET", "/metrics"),
    ):
        stranger.refused(method, path, 403, "FORBIDDEN")
    stranger.refused("PUT", "/v1/rules/deny-sanctioned-regions/enabled", 403, body={"enabled": False})


def test_a_scoped_key_reads_shared_rules_and_definitions(stranger: Strict) -> None:
    assert len(stranger.get("/v1/rules", listed(shapes.RULE))) == 6
    assert stranger.get("/v1/chains/definitions", shapes.DEFINITIONS)["count"] == 2
    assert stranger.get("/health", Shape({"status": lambda value, path: None})) == {"status": "ok"}


def test_an_action_type_or_provider_outside_the_key_is_forbidden(shop: Shop) -> None:
    for scope in ({"providers": ["sms-service"]}, {"action_types": ["ping"]}):
        Strict(Shop(**scope).secret).refused("POST", "/v1/dispatch", 403, body=order())


def test_an_unexpected_error_says_nothing_of_itself(client: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the secret is hunter2")

    monkeypatch.setattr("rules_app.api.views_rules.seen_rules", fail)
    error = client.refused("GET", "/v1/rules", 500, "INTERNAL")
    assert "hunter2" not in str(error)
    assert client.last.headers["X-Request-ID"]


def test_html_is_never_answered_below_v1(shop: Shop) -> None:
    browser = APIClient(headers={"Accept": "text/html"}, raise_request_exception=False)
    for path in ("/v1/rules", "/v1/nothing", "/v1/dispatch"):
        assert browser.get(path).headers["Content-Type"] == "application/json"


def test_no_key_signs_requests_and_anybody_may_know() -> None:
    assert Strict().send("GET", "/.well-known/acteon-signing-keys").json() == {"keys": [], "count": 0}
    assert Strict().send("HEAD", "/.well-known/acteon-signing-keys").content == b""
