"""/v1/quotas and /v1/retention: create, read, change, remove, usage."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base import config_versions
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.conftest import AddRule
from tests.world import SCOPE

QUOTA = {**SCOPE, "max_actions": 200, "window": "hourly", "overage_behavior": "block"}
PING = {**SCOPE, "provider": "sms-service", "action_type": "ping", "payload": {}}
MADE_UP = "01890000-0000-7000-8000-000000000000"


def made(client: Strict, **changes: Any) -> dict[str, Any]:
    quota: dict[str, Any] = client.post("/v1/quotas", shapes.QUOTA, {**QUOTA, **changes}, status=201)
    return quota


def test_a_quota_with_nothing_but_what_it_needs(client: Strict) -> None:
    quota = made(client)
    rest = {
        name: quota[name]
        for name in ("provider", "principal", "per_principal", "enabled", "description", "labels")
    }
    assert rest == {
        "provider": None,
        "principal": None,
        "per_principal": False,
        "enabled": True,
        "description": "",
        "labels": {},
    }


def test_quotas_are_found_by_provider_and_principal(client: Strict) -> None:
    for own in ({}, {"provider": "warehouse"}, {"principal": "key:shop"}):
        made(client, **own)

    def found(**query: str) -> list[tuple[str | None, str | None]]:
        rows = client.get("/v1/quotas", shapes.QUOTAS, **SCOPE, **query)["quotas"]
        return [(row["provider"], row["principal"]) for row in rows if row["max_actions"] == 200]

    assert found(provider="warehouse") == [("warehouse", None)]
    assert found(principal="key:shop") == [(None, "key:shop")]
    assert found(provider="") == [(None, None), (None, "key:shop")]
    assert found(provider="warehouse", principal="key:shop") == found(provider="nobody") == []


def test_a_quota_with_everything(client: Strict) -> None:
    more = {
        "provider": "payment-gateway",
        "principal": "key:shop",
        "enabled": False,
        "description": "d",
        "labels": {"team": "ops"},
    }
    quota = made(client, **more)
    assert quota | more == quota


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("hourly", "hourly"),
        ("daily", "daily"),
        ("weekly", "weekly"),
        ("monthly", "monthly"),
        (90, "90"),
        ("90", "90"),
        ({"custom": {"seconds": 90}}, "90"),
    ],
)
def test_windows_come_in_many_forms_and_go_out_as_text(client: Strict, given: Any, shown: str) -> None:
    assert made(client, window=given)["window"] == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("block", "block"),
        ("warn", "warn"),
        ({"degrade": {"fallback_provider": "warehouse"}}, "degrade:warehouse"),
        ("degrade:warehouse", "degrade:warehouse"),
        ({"notify": {"target": "email-service"}}, "notify:email-service"),
        ("notify:email-service", "notify:email-service"),
    ],
)
def test_overage_comes_in_both_forms_and_goes_out_as_text(client: Strict, given: Any, shown: str) -> None:
    quota = made(client, overage_behavior=given)
    assert quota["overage_behavior"] == shown
    usage = client.get(f"/v1/quotas/{quota['id']}/usage", shapes.USAGE)
    assert usage["overage_behavior"] == shown


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"max_actions": 0}, "max_actions"),
        ({"max_actions": -1}, "max_actions"),
        ({"max_actions": 1.5}, "max_actions"),
        ({"max_actions": True}, "max_actions"),
        ({"max_actions": "7"}, "max_actions"),
        ({"max_actions": 10**30}, "max_actions"),
        ({"max_actions": None}, "max_actions"),
        ({"window": "yearly"}, "window"),
        ({"window": 0}, "window"),
        ({"window": None}, "window"),
        ({"window": 10**30}, "window"),
        ({"overage_behavior": "explode"}, "overage_behavior"),
        ({"overage_behavior": {"degrade": {}}}, "overage_behavior"),
        ({"overage_behavior": {"degrade": 1, "notify": 2}}, "overage_behavior"),
        ({"provider": "a:b"}, "provider"),
        ({"enabled": "yes"}, "enabled"),
        ({"labels": {"a": 1}}, "labels"),
        ({"description": 7}, "description"),
        ({"namespace": None}, "namespace"),
    ],
)
def test_bad_fields_are_named(client: Strict, change: dict[str, Any], field: str) -> None:
    error = client.refused("POST", "/v1/quotas", 422, "VALIDATION", body={**QUOTA, **change})
    assert any(problem["field"].startswith(field) for problem in error["details"]), error
    assert client.get("/v1/quotas", shapes.QUOTAS)["quotas"] == []


@pytest.mark.parametrize(
    ("change", "field", "near"),
    [
        ({"provider": "warehose"}, "provider", "warehouse"),
        ({"overage_behavior": "degrade:compliance-que"}, "overage_behavior", "compliance-queue"),
        ({"overage_behavior": {"notify": {"target": "email-servce"}}}, "overage_behavior", "email-service"),
    ],
)
def test_a_provider_that_does_not_exist_is_refused_and_a_near_one_named(
    client: Strict, change: dict[str, Any], field: str, near: str
) -> None:
    error = client.refused("POST", "/v1/quotas", 422, "VALIDATION", body={**QUOTA, **change})
    assert [problem["field"] for problem in error["details"]] == [field]
    assert f"did you mean '{near}'" in error["error"]
    path = f"/v1/quotas/{made(client)['id']}"
    if field != "provider":  # a quota's scope is changed by a new one
        client.refused("PUT", path, 422, "VALIDATION", body=change)
    assert [quota["overage_behavior"] for quota in client.get("/v1/quotas", shapes.QUOTAS)["quotas"]] == [
        "block"
    ]


def test_one_quota_for_each_scope(client: Strict) -> None:
    made(client)
    client.refused("POST", "/v1/quotas", 409, body=QUOTA)
    made(client, provider="warehouse")
    client.refused("POST", "/v1/quotas", 409, body={**QUOTA, "provider": "warehouse"})


def test_a_quota_is_read_changed_and_removed(client: Strict) -> None:
    quota = made(client)
    path = f"/v1/quotas/{quota['id']}"
    assert client.get(path, shapes.QUOTA) == client.get(path, shapes.QUOTA, **SCOPE) == quota
    changed = client.put(path, shapes.QUOTA, {"max_actions": 5})
    assert (changed["max_actions"], changed["window"]) == (5, "hourly")
    client.put(path, shapes.QUOTA, {**SCOPE, "window": "daily"})
    client.refused("PUT", path, 422, "VALIDATION", body={"max_actions": 0})
    client.delete(path, **SCOPE)
    client.refused("GET", path, 404, "NOT_FOUND")
    client.refused("DELETE", path, 404, "NOT_FOUND")


@pytest.mark.parametrize("path", [MADE_UP, "nonsense", "1"])
def test_quotas_that_are_none(client: Strict, path: str) -> None:
    for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/usage")):
        client.refused(method, f"/v1/quotas/{path}{tail}", 404, "NOT_FOUND")


def test_a_scope_in_the_query_must_match(client: Strict) -> None:
    path = f"/v1/quotas/{made(client)['id']}"
    for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/usage")):
        client.refused(method, path + tail, 404, query={"tenant": "other"})


def test_usage_counts(client: Strict, rule: AddRule) -> None:
    rule("allow")
    quota = made(client, max_actions=3)
    config_versions.reset()
    for used in (1, 2, 3, 3):
        client.post("/v1/dispatch", shapes.outcome, PING)
        usage = client.get(f"/v1/quotas/{quota['id']}/usage", shapes.USAGE)
        assert (usage["used"], usage["limit"], usage["remaining"]) == (used, 3, 3 - used)


def test_the_list_filters_and_pages(client: Strict) -> None:
    made(client)
    made(client, tenant="other")
    assert client.get("/v1/quotas", shapes.QUOTAS)["count"] == 2
    assert client.get("/v1/quotas", shapes.QUOTAS, tenant="other")["count"] == 1
    assert client.get("/v1/quotas", shapes.QUOTAS, limit=1, offset=1)["count"] == 1


# Retention -----------------------------------------------------------------------------------------------------

TTLS = ("audit_ttl_seconds", "state_ttl_seconds", "event_ttl_seconds")


def policy(client: Strict, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = client.post("/v1/retention", shapes.POLICY, {**SCOPE, **changes}, status=201)
    return made


def test_a_policy_always_has_its_three_ttls(client: Strict) -> None:
    made = policy(client)
    assert [made[name] for name in TTLS] == [None, None, None]
    assert (made["enabled"], made["compliance_hold"], made["labels"]) == (True, False, {})


def test_a_second_policy_for_the_pair_is_a_conflict(client: Strict) -> None:
    policy(client)
    client.refused("POST", "/v1/retention", 409, body=SCOPE)


def test_a_policy_is_read_changed_and_removed(client: Strict) -> None:
    made = policy(client, audit_ttl_seconds=60, description="d", labels={"a": "b"}, enabled=False)
    path = f"/v1/retention/{made['id']}"
    assert client.get(path, shapes.POLICY) == made
    changed = client.put(path, shapes.POLICY, {"audit_ttl_seconds": None, "event_ttl_seconds": 7})
    assert [changed[name] for name in TTLS] == [None, None, 7]
    assert changed["labels"] == {"a": "b"}
    assert client.put(path, shapes.POLICY, {"compliance_hold": True})["compliance_hold"] is True
    assert client.get("/v1/retention", shapes.POLICIES, **SCOPE)["count"] == 1
    client.refused("GET", path, 404, query={"namespace": "other"})
    client.delete(path)
    client.refused("GET", path, 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"audit_ttl_seconds": 0}, "audit_ttl_seconds"),
        ({"state_ttl_seconds": -5}, "state_ttl_seconds"),
        ({"event_ttl_seconds": 1.5}, "event_ttl_seconds"),
        ({"event_ttl_seconds": "60"}, "event_ttl_seconds"),
        ({"audit_ttl_seconds": 10**30}, "audit_ttl_seconds"),
        ({"compliance_hold": 1}, "compliance_hold"),
        ({"enabled": None}, "enabled"),
        ({"labels": []}, "labels"),
        ({"tenant": "a:b"}, "tenant"),
    ],
)
def test_bad_policies_name_their_fields(client: Strict, change: dict[str, Any], field: str) -> None:
    error = client.refused("POST", "/v1/retention", 422, "VALIDATION", body={**SCOPE, **change})
    assert [problem["field"] for problem in error["details"]] == [field]


@pytest.mark.parametrize("path", [MADE_UP, "nonsense"])
def test_policies_that_are_none(client: Strict, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        client.refused(method, f"/v1/retention/{path}", 404, "NOT_FOUND")
