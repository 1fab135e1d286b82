"""Retention policies over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from acteon_site.access.keys import api_key_create
from acteon_site.config_files.load import load_paths
from audit_app.models import AuditRecord, RetentionPolicy

pytestmark = [pytest.mark.django_db, pytest.mark.urls("audit_app.api.urls")]
SEED = {
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "audit_ttl_seconds": 1_209_600,
    "event_ttl_seconds": 259_200,
}
JSON = "application/json"


def client(role: str = "admin", **scopes: Any) -> Client:
    _, secret = api_key_create(name=f"{role} {scopes}", role=role, **scopes)
    return Client(headers={"x-api-key": secret})


@pytest.fixture
def admin() -> Client:
    return client()


def created(admin: Client, **more: Any) -> dict[str, Any]:
    answer = admin.post("/v1/retention", {**SEED, **more}, content_type=JSON)
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_a_new_policy_shows_all_its_keys(admin: Client) -> None:
    body = created(admin, description="by the book", labels={"law": "gdpr"}, unknown="ignored")
    assert body.pop("id")
    assert body.pop("created_at").endswith("Z")
    assert body.pop("updated_at").endswith("Z")
    assert body == {
        **SEED,
        "state_ttl_seconds": None,
        "enabled": True,
        "compliance_hold": False,
        "description": "by the book",
        "labels": {"law": "gdpr"},
    }


def test_a_second_policy_for_the_pair_is_a_conflict(admin: Client) -> None:
    created(admin)
    answer = admin.post("/v1/retention", SEED, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert RetentionPolicy.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("audit_ttl_seconds", 0),
        ("audit_ttl_seconds", -1),
        ("audit_ttl_seconds", True),
        ("state_ttl_seconds", 1.5),
        ("event_ttl_seconds", "60"),
        ("event_ttl_seconds", 10**15),
        ("enabled", "yes"),
        ("compliance_hold", None),
        ("labels", ["x"]),
        ("labels", {"k": 1}),
        ("description", 7),
        ("namespace", "a:b"),
        ("tenant", ""),
    ],
)
def test_what_does_not_fit_is_refused_by_name(admin: Client, field: str, value: Any) -> None:
    answer = admin.post("/v1/retention", {**SEED, field: value}, content_type=JSON)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["details"]] == [field]
    assert not RetentionPolicy.objects.exists()


def test_reading_lists_and_single_policies(admin: Client) -> None:
    first = created(admin)
    created(admin, tenant="other-store")
    assert admin.get("/v1/retention").json()["count"] == 2
    assert admin.get("/v1/retention?tenant=acme-store").json() == {"policies": [first], "count": 1}
    assert admin.get(f"/v1/retention/{first['id']}").json() == first
    assert admin.get("/v1/retention?tenant=nobody").json() == {"policies": [], "count": 0}


def test_an_update_changes_what_it_names_and_null_clears_a_ttl(admin: Client) -> None:
    body = created(admin)
    answer = admin.put(
        f"/v1/retention/{body['id']}", {"audit_ttl_seconds": None, "compliance_hold": True}, content_type=JSON
    )
    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["audit_ttl_seconds"], changed["compliance_hold"]) == (None, True)
    assert changed["event_ttl_seconds"] == 259_200
    assert changed["created_at"] == body["created_at"]


def test_a_policy_cannot_move_to_another_tenant(admin: Client) -> None:
    body = created(admin)
    answer = admin.put(f"/v1/retention/{body['id']}", {"tenant": "other"}, content_type=JSON)
    assert answer.status_code == 422
    assert RetentionPolicy.objects.get().tenant == "acme-store"


def test_deleting_answers_204_and_nothing(admin: Client) -> None:
    path = f"/v1/retention/{created(admin)['id']}"
    answer = admin.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert admin.get(path).status_code == 404
    assert admin.delete(path).status_code == 404


@pytest.mark.parametrize("key", ["nonsense", "01900000-0000-7000-8000-000000000000"])
def test_unknown_policies_answer_404(admin: Client, key: str) -> None:
    assert admin.get(f"/v1/retention/{key}").status_code == 404


def test_a_key_neither_sees_nor_changes_another_tenants_policy(admin: Client) -> None:
    path = f"/v1/retention/{created(admin)['id']}"
    stranger = client(tenants=["other-store"])
    assert stranger.get("/v1/retention").json() == {"policies": [], "count": 0}
    assert stranger.get(path).status_code == 404
    assert stranger.put(path, {"enabled": False}, content_type=JSON).status_code == 404
    assert stranger.delete(path).status_code == 404
    assert stranger.post("/v1/retention", SEED, content_type=JSON).status_code == 403
    assert RetentionPolicy.objects.get().enabled


def test_the_query_must_match_where_it_names_a_scope(admin: Client) -> None:
    path = f"/v1/retention/{created(admin)['id']}"
    assert admin.get(f"{path}?namespace=ecommerce&tenant=acme-store").status_code == 200
    assert admin.get(f"{path}?namespace=ecommerce&tenant=other").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_changing_needs_the_admin_role(admin: Client, role: str) -> None:
    path = f"/v1/retention/{created(admin)['id']}"
    caller = client(role)
    assert caller.get(path).status_code == 200
    assert caller.post("/v1/retention", {**SEED, "tenant": "t"}, content_type=JSON).status_code == 403
    assert caller.put(path, {"enabled": False}, content_type=JSON).status_code == 403
    assert caller.delete(path).status_code == 403
    assert RetentionPolicy.objects.get().enabled


def test_the_trail_says_who_changed_a_policy_and_how(admin: Client) -> None:
    policy = created(admin)
    url = f"/v1/retention/{policy['id']}"
    admin.put(url, {"audit_ttl_seconds": None}, content_type=JSON)
    admin.put(url, {"audit_ttl_seconds": None}, content_type=JSON)
    admin.delete(url)
    made, changed, removed = AuditRecord.objects.filter(action_type="retention_policy").order_by("id")
    assert made.outcome_details["to"]["audit_ttl_seconds"] == 1_209_600
    assert (changed.outcome_details["from"], changed.outcome_details["to"]) == (
        {"audit_ttl_seconds": 1_209_600},
        {"audit_ttl_seconds": None},
    )
    assert (removed.outcome_details["change"], removed.tenant) == ("removed", "acme-store")
    assert {row.caller_id.partition(":")[0] for row in (made, changed, removed)} == {"key"}


def test_a_load_and_a_person_in_the_admin_are_in_it_too(
    admin_client: Client, tmp_path: Path, settings: Any
) -> None:
    settings.ROOT_URLCONF = "acteon_site.urls"
    file = tmp_path / "retention.yaml"
    file.write_text("retention:\n  - {namespace: shop, tenant: one, audit_ttl_seconds: 90000}\n")
    load_paths([file], source="shop", actor="maria")
    policy = RetentionPolicy.objects.get()
    url = f"/admin/audit_app/retentionpolicy/{policy.pk}"
    form = {
        "namespace": "shop",
        "tenant": "one",
        "enabled": "on",
        "audit_ttl_seconds": 86_400,
        "labels": "{}",
    }
    assert admin_client.post(f"{url}/change/", form).status_code == 302
    assert admin_client.post(f"{url}/delete/", {"post": "yes"}).status_code == 302
    rows = AuditRecord.objects.filter(action_type="retention_policy").order_by("id")
    assert [(row.caller_id, row.outcome_details["change"]) for row in rows] == [
        ("maria", "made"),
        ("admin", "changed"),
        ("admin", "removed"),
    ]
    assert rows[1].outcome_details["from"] == {"audit_ttl_seconds": 90_000}
