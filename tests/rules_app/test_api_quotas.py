"""/v1/quotas: CRUD and usage, within the key's scope."""

from __future__ import annotations

from typing import Any

import pytest

from rules_app.models import Quota
from tests.rules_app.conftest import Caller

pytestmark = pytest.mark.django_db
QUOTA: dict[str, Any] = {
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "max_actions": 200,
    "window": "hourly",
    "overage_behavior": "block",
}


def made(client: Any, **changes: Any) -> dict[str, Any]:
    answer = client.post("/v1/quotas", QUOTA | changes, format="json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def test_a_quota_is_made_read_changed_and_deleted(caller: Caller, providers: object) -> None:
    client = caller()
    quota = made(client, description="orders", labels={"team": "shop"})
    assert quota == QUOTA | {
        "id": quota["id"],
        "provider": None,
        "principal": None,
        "per_principal": False,
        "enabled": True,
        "created_at": quota["created_at"],
        "updated_at": quota["updated_at"],
        "description": "orders",
        "labels": {"team": "shop"},
    }
    assert quota["created_at"].endswith("Z")
    path = f"/v1/quotas/{quota['id']}"
    assert client.get(path).json() == quota
    assert client.get("/v1/quotas").json() == {"quotas": [quota], "count": 1}
    changes = {"max_actions": 5, "overage_behavior": {"degrade": {"fallback_provider": "email-service"}}}
    changed = client.put(path, changes, format="json")
    assert changed.status_code == 200
    assert changed.json()["max_actions"] == 5
    assert changed.json()["overage_behavior"] == "degrade:email-service"
    assert changed.json()["description"] == "orders"
    gone = client.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get(path).status_code == 404


def test_an_unused_quota_has_everything_left(caller: Caller) -> None:
    client = caller()
    usage = client.get(f"/v1/quotas/{made(client, window=90)['id']}/usage").json()
    assert usage == {
        "tenant": "acme-store",
        "namespace": "ecommerce",
        "used": 0,
        "limit": 200,
        "remaining": 200,
        "window": "90",
        "resets_at": usage["resets_at"],
        "overage_behavior": "block",
    }
    assert usage["resets_at"].endswith("Z")


def test_one_scope_has_one_quota(caller: Caller) -> None:
    client = caller()
    made(client)
    again = client.post("/v1/quotas", QUOTA, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"max_actions": 0}, "max_actions"), ({"window": "yearly"}, "window"), ({"tenant": None}, "tenant")],
)
def test_what_does_not_validate_is_refused_naming_the_field(
    caller: Caller, changes: dict[str, Any], field: str
) -> None:
    answer = caller().post("/v1/quotas", QUOTA | changes, format="json")
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == field
    assert not Quota.objects.exists()


def test_lists_are_filtered_and_paged(caller: Caller) -> None:
    client = caller()
    for tenant in ("a", "b", "c"):
        made(client, tenant=tenant)
    second = client.get("/v1/quotas", {"limit": 1, "offset": 1}).json()
    assert [quota["tenant"] for quota in second["quotas"]] == ["b"]
    assert client.get("/v1/quotas", {"tenant": "c"}).json()["count"] == 1
    assert client.get("/v1/quotas", {"tenant": "z"}).json() == {"quotas": [], "count": 0}


def test_namespace_and_tenant_in_the_query_must_match_where_given(caller: Caller) -> None:
    client = caller()
    path = f"/v1/quotas/{made(client)['id']}"
    right = "?namespace=ecommerce&tenant=acme-store"
    assert client.get(path + right).status_code == 200
    assert client.get(path + "?tenant=other").status_code == 404
    assert client.put(path, {"tenant": "other", "max_actions": 1}, format="json").status_code == 404
    assert client.delete(path + "?namespace=other").status_code == 404
    assert Quota.objects.get().max_actions == 200


@pytest.mark.parametrize("key", ["01900000-0000-4000-8000-000000000000", "not-a-uuid"])
def test_an_unknown_quota_answers_404(caller: Caller, key: str) -> None:
    assert caller().get(f"/v1/quotas/{key}").status_code == 404
    assert caller().get(f"/v1/quotas/{key}/usage").status_code == 404


def test_a_key_neither_sees_nor_changes_another_tenants_quota(caller: Caller) -> None:
    path = f"/v1/quotas/{made(caller())['id']}"
    stranger = caller("admin", tenants=["other-store"])
    assert stranger.get("/v1/quotas").json() == {"quotas": [], "count": 0}
    assert stranger.get(path).status_code == 404
    assert stranger.get(path + "/usage").status_code == 404
    assert stranger.put(path, {"max_actions": 1}, format="json").status_code == 404
    assert stranger.delete(path).status_code == 404
    assert stranger.post("/v1/quotas", QUOTA, format="json").status_code == 403
    assert Quota.objects.get().max_actions == 200


def test_only_administrators_change_quotas(caller: Caller) -> None:
    path = f"/v1/quotas/{made(caller())['id']}"
    operator = caller("operator")
    assert operator.get(path).status_code == 200
    assert operator.put(path, {"max_actions": 1}, format="json").status_code == 403
    assert operator.delete(path).status_code == 403
    assert operator.post("/v1/quotas", QUOTA | {"tenant": "b"}, format="json").status_code == 403
    assert Quota.objects.get().max_actions == 200
