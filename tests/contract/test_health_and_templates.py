"""Health, metrics, providers, breakers, templates."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base import config_versions
from acteon_site.tasks import canary
from acteon_site.watching import health
from acteon_site.watching.probes import Remembered
from chains_app.services.advance import runs_sweep
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.strict import Shape, integer, one_of, text
from tests.world import SCOPE, Shop, order

MADE_UP = "01890000-0000-7000-8000-000000000000"
OK = one_of("ok")
READY = Shape({"status": text, "checks": Shape({"database": text, "broker": text, "worker": text})})


def metrics(value: Any, path: str) -> None:
    """All that the contract names; this gateway counts more ("…")."""
    for name, count in value.items():
        integer(count, f"{path}.{name}")
    assert set(shapes.METRICS_REQUIRED) <= value.keys()


def test_health_needs_no_key(shop: Shop) -> None:
    assert Strict().get("/health", Shape({"status": OK})) == {"status": "ok"}


def test_health_has_metrics_for_who_may_read_them(client: Strict) -> None:
    client.get("/health", Shape({"status": OK, "metrics": metrics}))


def test_ready_tells_by_dependency(shop: Shop) -> None:
    bare = Strict()
    assert bare.call("GET", "/ready", READY, status=503)["checks"]["worker"] != "ok"
    canary()
    assert bare.get("/ready", READY)["status"] == "ready"


def test_ready_probes_the_database_once_a_second(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    probes: list[str] = []

    def probe() -> str:
        probes.append("does not answer" if not probes else "ok")
        return probes[-1]

    monkeypatch.setattr(health, "database_state", Remembered(probe))
    bare = Strict()
    told = [bare.call("GET", "/ready", READY, status=503)["checks"]["database"] for _ in range(3)]
    assert (told, len(probes)) == (["does not answer"] * 3, 1)
    health.database_state.forget()
    assert bare.call("GET", "/ready", READY, status=503)["checks"]["database"] == "ok"


def test_metrics_count(client: Strict) -> None:
    from audit_app.services.relay import relay

    client.post("/v1/dispatch", shapes.outcome, order())
    runs_sweep()
    relay()
    counted = client.get("/metrics", metrics)
    assert (counted["dispatched"], counted["executed"], counted["chains_completed"]) == (1, 1, 1)


def test_prometheus_reads_text(client: Strict) -> None:
    answer = client.http.get("/metrics/prometheus", headers=client.headers)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "acteon_" in answer.content.decode()


@pytest.mark.parametrize("path", ["/metrics", "/metrics/prometheus"])
def test_metrics_need_a_key_of_scope_all(stranger: Strict, path: str) -> None:
    stranger.refused("GET", path, 403, "FORBIDDEN")
    Strict().refused("GET", path, 401, "UNAUTHENTICATED")
    Strict("acteon_wrong").refused("GET", path, 401, "UNAUTHENTICATED")


def test_metrics_are_open_on_loopback_only_where_served_so(shop: Shop, settings: Any) -> None:
    settings.API_OPEN_ON_LOOPBACK = True
    Strict(Host="127.0.0.1").get("/metrics", metrics)


def test_every_provider_has_its_health(client: Strict) -> None:
    client.post("/v1/dispatch", shapes.outcome, order())
    runs_sweep()
    found = client.get("/v1/providers/health", shapes.PROVIDERS_HEALTH)["providers"]
    by_name = {row["provider"]: row for row in found}
    assert set(by_name) == {
        "payment-gateway",
        "warehouse",
        "email-service",
        "sms-service",
        "fraud-analyzer",
        "compliance-queue",
    }
    assert isinstance(by_name["payment-gateway"]["last_request_at"], int)
    assert by_name["sms-service"]["last_request_at"] is None


@pytest.mark.parametrize("prefix", ["/v1/circuit-breakers", "/admin/circuit-breakers"])
def test_breakers_are_read_tripped_and_reset(client: Strict, prefix: str) -> None:
    assert client.get(prefix, shapes.BREAKERS)["count"] == 6
    told = client.post(f"{prefix}/warehouse/trip", shapes.BREAKER_TOLD)
    assert (told["provider"], told["state"]) == ("warehouse", "open")
    assert {row["provider"]: row["state"] for row in client.get(prefix, shapes.BREAKERS)["circuit_breakers"]}[
        "warehouse"
    ] == "open"
    assert client.post(f"{prefix}/warehouse/reset", shapes.BREAKER_TOLD)["state"] == "closed"
    for verb in ("trip", "reset"):
        client.refused("POST", f"{prefix}/nobody/{verb}", 404, "NOT_FOUND")


# Templates -----------------------------------------------------------------------------------------------------

TEMPLATE = {**SCOPE, "name": "greeting", "content": "Hello {{ name }}"}
PROFILE = {
    **SCOPE,
    "name": "welcome",
    "fields": {"subject": "Hi", "body": {"$ref": "greeting"}, "tail": {"inline": "{{ order_id }}"}},
}


@pytest.fixture
def template(client: Strict) -> dict[str, Any]:
    made: dict[str, Any] = client.post("/v1/templates", shapes.TEMPLATE, TEMPLATE, status=201)
    return made


@pytest.fixture
def profile(client: Strict, template: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = client.post("/v1/templates/profiles", shapes.PROFILE, PROFILE, status=201)
    config_versions.reset()
    return made


def test_body_is_an_alias_of_content(client: Strict) -> None:
    body = {**SCOPE, "name": "n", "body": "text", "description": "d", "labels": {"a": "b"}}
    made = client.post("/v1/templates", shapes.TEMPLATE, body, status=201)
    assert (made["content"], made["description"], made["labels"]) == ("text", "d", {"a": "b"})


def test_a_template_is_read_changed_listed_and_removed(client: Strict, template: dict[str, Any]) -> None:
    path = f"/v1/templates/{template['id']}"
    assert client.get(path, shapes.TEMPLATE) == template
    assert client.put(path, shapes.TEMPLATE, {"content": "Bye"})["content"] == "Bye"
    assert client.put(path, shapes.TEMPLATE, {"description": "d"})["content"] == "Bye"
    assert client.get("/v1/templates", shapes.TEMPLATES, **SCOPE)["count"] == 1
    client.delete(path)
    client.refused("GET", path, 404, "NOT_FOUND")


def test_a_template_in_use_stays(client: Strict, template: dict[str, Any], profile: dict[str, Any]) -> None:
    client.refused("DELETE", f"/v1/templates/{template['id']}", 409)
    client.delete(f"/v1/templates/profiles/{profile['id']}")
    client.delete(f"/v1/templates/{template['id']}")


def test_a_profile_is_read_changed_listed(client: Strict, profile: dict[str, Any]) -> None:
    path = f"/v1/templates/profiles/{profile['id']}"
    assert client.get(path, shapes.PROFILE) == profile
    assert client.put(path, shapes.PROFILE, {"fields": {"a": "b"}})["fields"] == {"a": "b"}
    assert client.get("/v1/templates/profiles", shapes.PROFILES, **SCOPE)["count"] == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/templates", {**TEMPLATE, "name": None}),
        ("/v1/templates", {**TEMPLATE, "name": 7}),
        ("/v1/templates", {**TEMPLATE, "name": "x" * 300}),
        ("/v1/templates", {**TEMPLATE, "content": None}),
        ("/v1/templates", {**TEMPLATE, "content": 7}),
        ("/v1/templates", {**TEMPLATE, "content": "{% for %}"}),
        ("/v1/templates", {**TEMPLATE, "labels": 7}),
        ("/v1/templates", {**TEMPLATE, "labels": {"a": 1}}),
        ("/v1/templates", {**TEMPLATE, "description": 7}),
        ("/v1/templates", {**TEMPLATE, "labels": []}),
        ("/v1/templates", {**TEMPLATE, "description": False}),
        ("/v1/templates", {**TEMPLATE, "tenant": None}),
        ("/v1/templates/profiles", {**PROFILE, "fields": {"": "x"}}),
        ("/v1/templates/profiles", {**PROFILE, "fields": {" a": "x"}}),
        ("/v1/templates/profiles", {**PROFILE, "fields": None}),
        ("/v1/templates/profiles", {**PROFILE, "fields": {}}),
        ("/v1/templates/profiles", {**PROFILE, "fields": {"a": 7}}),
        ("/v1/templates/profiles", {**PROFILE, "fields": {"a": {"$ref": "nobody"}}}),
        ("/v1/templates/profiles", {**PROFILE, "fields": {"a": {"x": 1}}}),
    ],
)
def test_bad_templates_name_their_fields(
    client: Strict, template: dict[str, Any], path: str, body: Any
) -> None:
    error = client.refused(
        "POST",
        path,
        422,
        "VALIDATION",
        body={**body, "name": body["name"] if body["name"] != "greeting" else "other"},
    )
    assert error["details"], error


def test_one_name_for_each_tenant(client: Strict, profile: dict[str, Any]) -> None:
    client.refused("POST", "/v1/templates", 409, body=TEMPLATE)
    client.refused("POST", "/v1/templates/profiles", 409, body=PROFILE)


@pytest.mark.parametrize("path", ["/v1/templates", "/v1/templates/profiles"])
@pytest.mark.parametrize("pk", [MADE_UP, "nonsense"])
def test_templates_that_are_none(client: Strict, path: str, pk: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        client.refused(method, f"{path}/{pk}", 404, "NOT_FOUND")


def test_rendering_a_profile_and_a_text(client: Strict, profile: dict[str, Any]) -> None:
    body = {"profile": "welcome", **SCOPE, "payload": {"name": "Ada", "order_id": "o-1"}}
    told = client.post("/v1/templates/render", shapes.RENDERED_PROFILE, body)
    assert told == {"rendered": {"subject": "Hi", "body": "Hello Ada", "tail": "o-1"}}
    body = {"template": "{{ a }}-{{ b.c }}", "data": {"a": 1, "b": {"c": 2}}}
    assert client.post("/v1/templates/render", shapes.RENDERED_TEXT, body) == {"rendered": "1-2"}


def test_a_template_is_rendered_by_its_name(client: Strict, template: dict[str, Any]) -> None:
    path, data = "/v1/templates/render", {"name": "Ada"}
    for body in (
        {"template": "greeting", "data": data},
        {"template": "greeting", "payload": data},
        {"template": "greeting", **SCOPE, "data": data},
    ):
        assert client.post(path, shapes.RENDERED_TEXT, body) == {"rendered": "Hello Ada"}
    stranger = Strict(Shop(namespaces=["ecommerce"], tenants=["other-store"]).secret)
    told = stranger.post(path, shapes.RENDERED_TEXT, {"template": "greeting", "data": data})
    assert told == {"rendered": "greeting"}  # to it no name, so a text
    stranger.refused("POST", path, 403, body={"template": "greeting", **SCOPE})
    client.refused("POST", path, 404, "NOT_FOUND", body={"template": "greting", **SCOPE})
    text = {"template": "{{ name }}!", **SCOPE, "data": data}
    assert client.post(path, shapes.RENDERED_TEXT, text) == {"rendered": "Ada!"}
    client.post("/v1/templates", shapes.TEMPLATE, {**TEMPLATE, "tenant": "other-store"}, status=201)
    config_versions.reset()
    error = client.refused("POST", path, 422, "VALIDATION", body={"template": "greeting"})
    assert "name namespace and tenant" in error["message"]


def test_templates_are_listed_within_the_scope_of_the_key(
    client: Strict, template: dict[str, Any], profile: dict[str, Any]
) -> None:
    client.post("/v1/templates", shapes.TEMPLATE, {**TEMPLATE, "tenant": "other-store"}, status=201)
    stranger = Strict(Shop(namespaces=["ecommerce"], tenants=["other-store"]).secret)
    assert client.get("/v1/templates", shapes.TEMPLATES)["count"] == 2
    assert client.get("/v1/templates", shapes.TEMPLATES, tenant="acme-store")["templates"] == [template]
    assert client.get("/v1/templates/profiles", shapes.PROFILES)["profiles"] == [profile]
    (own,) = stranger.get("/v1/templates", shapes.TEMPLATES)["templates"]
    assert own["tenant"] == "other-store"
    assert stranger.get("/v1/templates", shapes.TEMPLATES, tenant="acme-store")["templates"] == []
    assert stranger.get("/v1/templates/profiles", shapes.PROFILES)["profiles"] == []
    stranger.refused("GET", "/v1/templates?namespace=ecommerce&tenant=acme-store", 403)
    client.refused("GET", "/v1/templates?tenant=", 400, "BAD_QUERY")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"profile": "nobody", **SCOPE, "payload": {}}, 404),
        ({"profile": "nobody", "payload": {}}, 422),
        ({"profile": "welcome", **SCOPE, "payload": []}, 422),
        ({"profile": 7, **SCOPE, "payload": {}}, 422),
        ({"template": "x", "data": []}, 422),
        ({"template": 7}, 422),
        ({}, 422),
        ({"template": "x", "data": 7}, 422),
        ({"template": "{{ ''.__class__.__mro__ }}"}, 422),
        ({"template": "{% for i in range(10**9) %}x{% endfor %}"}, 422),
        ({"template": "{{ 'x' * 10**9 }}"}, 422),
    ],
)
def test_what_cannot_be_rendered(client: Strict, profile: dict[str, Any], body: Any, status: int) -> None:
    client.refused("POST", "/v1/templates/render", status, body=body)


def test_a_profile_is_merged_before_rules_run(client: Strict, profile: dict[str, Any]) -> None:
    action = order(id="tpl-1", template="welcome", payload={"name": "Ada"})
    client.post("/v1/dispatch", shapes.outcome, action)
    assert client.get("/v1/audit/tpl-1", shapes.RECORD)["payload"]["body"] == "Hello Ada"
