"""`pipeline report`: seven endpoints of the gateway as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from acteon_site.base.terminal import clock_time, table
from acteon_site.client.http import GatewayClient

BREAKDOWN_ROWS = 1000
SHOWN_ROWS = 20
DAY_SECONDS = 86_400


def report(client: GatewayClient, namespace: str, tenant: str) -> Iterator[Table]:
    """The tables in reading order. Raises ClientError where an endpoint refuses or does not answer."""
    yield from _audit(client, namespace, tenant)
    yield _chains(client, namespace, tenant)
    yield _events(client, namespace, tenant)
    yield _providers(client)
    yield _quotas(client, namespace, tenant)
    yield _retention(client, namespace, tenant)
    yield _breakers(client)


def _audit(client: GatewayClient, namespace: str, tenant: str) -> Iterator[Table]:
    page = client.audit(namespace=namespace, tenant=tenant, limit=BREAKDOWN_ROWS)
    records = page["records"]
    counts = Counter(record["outcome"] for record in records)
    total = page.get("total", f"more than {len(records)}")
    yield table(
        f"1a. Audit: {total} records by outcome",
        ("outcome", "count"),
        counts.most_common(),
    )
    rows = (_audit_row(record) for record in records[:SHOWN_ROWS])
    yield table(
        f"1b. Audit trail: the newest {SHOWN_ROWS}",
        ("at", "action", "outcome", "verdict", "rule", "provider"),
        rows,
    )


def _audit_row(record: dict[str, Any]) -> tuple[Any, ...]:
    keys = ("action_id", "outcome", "verdict", "matched_rule", "provider")
    return (clock_time(record["dispatched_at"]), *(record[key] for key in keys))


def _chains(client: GatewayClient, namespace: str, tenant: str) -> Table:
    chains = client.chains(namespace, tenant, limit=SHOWN_ROWS)
    rows = (
        (
            chain["chain_id"],
            chain["chain_name"],
            chain["status"],
            f"{chain['current_step'] + 1}/{chain['total_steps']}",
            clock_time(chain["started_at"]),
        )
        for chain in chains
    )
    return table("2. Chains", ("chain", "name", "status", "step", "started"), rows)


def _events(client: GatewayClient, namespace: str, tenant: str) -> Table:
    events = client.events(namespace, tenant, limit=SHOWN_ROWS)
    rows = (
        (event["fingerprint"], event["state"], event["action_type"], clock_time(event["updated_at"]))
        for event in events
    )
    return table("3. Order lifecycle", ("order", "state", "type", "since"), rows)


def _providers(client: GatewayClient) -> Table:
    rows = (
        (
            row["provider"],
            "yes" if row["healthy"] else "NO",
            row["circuit_breaker_state"],
            row["total_requests"],
            row["failures"],
            row["p95_latency_ms"],
            row["last_error"],
        )
        for row in client.providers_health()
    )
    columns = ("provider", "healthy", "breaker", "requests", "failures", "p95 ms", "last error")
    return table("4. Provider health", columns, rows)


def _quotas(client: GatewayClient, namespace: str, tenant: str) -> Table:
    rows = []
    for quota in client.quotas(namespace, tenant):
        usage = client.quota_usage(quota["id"])
        rows.append(
            (
                quota["window"],
                usage["used"],
                usage["limit"],
                usage["remaining"],
                usage["overage_behavior"],
                clock_time(usage["resets_at"]),
            )
        )
    return table("5. Quotas", ("window", "used", "limit", "remaining", "when over", "resets at"), rows)


def _retention(client: GatewayClient, namespace: str, tenant: str) -> Table:
    rows = (
        (
            *(_span(policy[f"{kind}_ttl_seconds"]) for kind in ("audit", "state", "event")),
            "yes" if policy["compliance_hold"] else "no",
        )
        for policy in client.retention_policies(namespace, tenant)
    )
    return table(
        "6. Retention", ("audit", "ended runs and holds", "finished orders", "compliance hold"), rows
    )


def _span(seconds: int | None) -> str:
    if seconds is None:
        return "for ever"
    return f"{seconds // DAY_SECONDS} days" if seconds % DAY_SECONDS == 0 else f"{seconds} s"


def _breakers(client: GatewayClient) -> Table:
    rows = (
        (
            row["provider"],
            row["state"],
            row["failure_threshold"],
            row["success_threshold"],
            f"{row['recovery_timeout_seconds']} s",
            row["fallback_provider"],
        )
        for row in client.circuit_breakers()
    )
    columns = ("provider", "state", "opens after", "closes after", "probe after", "fallback")
    return table("7. Circuit breakers", columns, rows)


def footer(url: str) -> str:
    return f"{url}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
