"""`pipeline setup` and `pipeline teardown`: the shop's quota and retention policy, through the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acteon_site.client.http import GatewayClient

HOURLY_ORDERS = 200
AUDIT_DAYS, EVENT_DAYS = 14, 3
DAY_SECONDS = 86_400
LABELS = {"made_by": "pipeline setup"}


@dataclass(frozen=True, slots=True)
class Resource:
    """Where one kind lives, and what ours looks like. `wanted` holds the values that setup asks for."""

    title: str
    path: str
    list_key: str
    wanted: Mapping[str, Any]
    summary: str


QUOTA = Resource(
    "quota",
    "/v1/quotas",
    "quotas",
    {"max_actions": HOURLY_ORDERS, "window": "hourly", "overage_behavior": "block"},
    f"{HOURLY_ORDERS} orders per hour, more are refused",
)
RETENTION = Resource(
    "retention policy",
    "/v1/retention",
    "policies",
    {"audit_ttl_seconds": AUDIT_DAYS * DAY_SECONDS, "event_ttl_seconds": EVENT_DAYS * DAY_SECONDS},
    f"audit {AUDIT_DAYS} days, events {EVENT_DAYS} days",
)


@dataclass(frozen=True, slots=True)
class Change:
    what: str
    done: str
    id: str


def setup(client: GatewayClient, namespace: str, tenant: str) -> list[Change]:
    """Make what is missing and leave what is there: a second run changes nothing."""
    return [_ensure(client, resource, namespace, tenant) for resource in (QUOTA, RETENTION)]


def teardown(client: GatewayClient, namespace: str, tenant: str) -> list[Change]:
    """Delete what `setup` made, known by its label, and nothing else."""
    changes = []
    for resource in (QUOTA, RETENTION):
        for row in _rows(client, resource, namespace, tenant):
            if row["labels"] == LABELS:
                client.call("DELETE", f"{resource.path}/{row['id']}")
                changes.append(Change(resource.title, "deleted", row["id"]))
            else:
                changes.append(Change(resource.title, "kept: setup did not make it", row["id"]))
    return changes


def _ensure(client: GatewayClient, resource: Resource, namespace: str, tenant: str) -> Change:
    for row in _rows(client, resource, namespace, tenant):
        same = all(row[key] == value for key, value in resource.wanted.items())
        done = (
            f"there already: {resource.summary}"
            if same
            else f"there already, kept as it is: {_differences(resource, row)}"
        )
        return Change(resource.title, done, row["id"])
    body = {"namespace": namespace, "tenant": tenant, "labels": LABELS, **resource.wanted}
    made = client.call("POST", resource.path, json=body)
    return Change(resource.title, f"created: {resource.summary}", made["id"])


def _differences(resource: Resource, row: Mapping[str, Any]) -> str:
    pairs = ((key, row[key], value) for key, value in resource.wanted.items() if row[key] != value)
    return ", ".join(f"{key} is {is_} instead of {wanted}" for key, is_, wanted in pairs)


def _rows(client: GatewayClient, resource: Resource, namespace: str, tenant: str) -> list[dict[str, Any]]:
    """Ours: the row for exactly this tenant as a whole; quotas of one provider or caller are others."""
    scope = {"namespace": namespace, "tenant": tenant}
    rows: list[dict[str, Any]] = client.call("GET", resource.path, params=scope)[resource.list_key]
    return [row for row in rows if not row.get("provider") and not row.get("principal")]
