"""What the dashboards show, each panel with its question to Prometheus; `make_dashboards.py` writes them for Grafana.

What acteon_* metrics tell of the whole installation every instance tells alike, so it is `max` over instances, and
`max by (label)` where there are labels. Only acteon_replica_* and acteon_disk_* are of the instance.
"""

from __future__ import annotations

from dataclasses import dataclass

WIDTH = 8
STATES = {"0": "closed", "1": "half open", "2": "open"}


@dataclass(frozen=True)
class Panel:
    """`queries`: legend → PromQL. `red_from`: of a number, from where it is bad."""

    title: str
    text: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    wide: int = WIDTH
    red_from: float | None = None
    mapped: bool = False


def rate(name: str, by: str = "", span: str = "5m") -> str:
    return f"max{f' by ({by}) ' if by else ''}(rate(acteon_{name}[{span}]))"


def grown(name: str, by: str = "", span: str = "1h") -> str:
    return f"max{f' by ({by}) ' if by else ''}(increase(acteon_{name}[{span}]))"


def now(name: str, by: str = "") -> str:
    return f"max{f' by ({by}) ' if by else ''}(acteon_{name})"


def share(name: str) -> str:
    return f"{rate(name)} / clamp_min({rate('dispatched_total')}, 0.001)"


def slowest(share_of: float, by: str = "") -> str:
    whole = f"sum by ({by + ', ' if by else ''}le) ({rate('dispatch_seconds_bucket', 'outcome, le')})"
    return f"histogram_quantile({share_of}, {whole})"


def each(*names: str) -> dict[str, str]:
    return {name: rate(f"{name}_total") for name in names}


def each_hour(**names: str) -> dict[str, str]:
    return {legend: grown(f"{name}_total") for legend, name in names.items()}


def stat(title: str, text: str, query: str, unit: str = "short", red_from: float | None = None) -> Panel:
    return Panel(title, text, {title: query}, unit, "stat", 4, red_from)


OVERVIEW = (
    stat("Orders per minute", "What storefronts send.", f"60 * {rate('dispatched_total')}"),
    stat("Failed", "Of the orders of the last five minutes.", share("failed_total"), "percentunit", 0.05),
    stat("95 % took at most", "From arrival to outcome.", slowest(0.95), "s", 1),
    stat("Approvals waiting", "For a person.", now("approvals_pending")),
    stat("Incidents open", "Runs that wait for a person.", now("incidents_open"), red_from=1),
    stat("Work overdue", "For how long the oldest waits.", now("runs_oldest_due_seconds"), "s", 60),
    Panel("Orders per second", "What came in, and what was executed.", each("dispatched", "executed"), "ops"),
    Panel(
        "Not executed, per second",
        "Every outcome that refuses an order.",
        each("suppressed", "throttled", "deduplicated", "quota_exceeded", "failed", "circuit_open"),
        "ops",
    ),
    Panel(
        "Time to the outcome",
        "Of bare actions with their call.",
        {"50 %": slowest(0.5), "95 %": slowest(0.95), "99 %": slowest(0.99)},
        "s",
    ),
    Panel(
        "Rejection rate",
        "Suppressed, throttled and over quota.",
        {
            "rejected": f"({rate('suppressed_total')} + {rate('throttled_total')} + {rate('quota_exceeded_total')})"
            f" / clamp_min({rate('dispatched_total')}, 0.001)"
        },
        "percentunit",
    ),
    Panel("Dedup hit rate", "Of all orders.", {"deduplicated": share("deduplicated_total")}, "percentunit"),
    Panel("Throttle hit rate", "Of all orders.", {"throttled": share("throttled_total")}, "percentunit"),
)
APPROVALS = (
    stat("Waiting", "For a decision.", now("approvals_pending")),
    stat("About to expire", "In the last quarter of their time.", now("approvals_expiring"), red_from=1),
    stat("Expired, last hour", "Nobody decided.", grown("approval_expired_total"), red_from=1),
    stat("Scheduled", "Wait for their time or turn.", now("schedules_pending")),
    stat("Releases overdue", "For how long the oldest waits.", now("holds_oldest_due_seconds"), "s", 60),
    stat(
        "Recurring overdue", "For how long the oldest waits.", now("recurring_oldest_due_seconds"), "s", 180
    ),
    stat("Asked, last hour", "Orders that a rule gave to a person.", grown("pending_approval_total")),
    Panel(
        "Queue",
        "What waits for a person, for its time, and for its group's call.",
        {
            "approvals": now("approvals_pending"),
            "schedules": now("schedules_pending"),
            "groups": now("groups_waiting"),
        },
        wide=12,
    ),
    Panel(
        "Decisions, per hour",
        "What became of approvals.",
        each_hour(approved="approval_approved", rejected="approval_rejected", expired="approval_expired"),
        wide=12,
    ),
    Panel(
        "Came and went, per hour",
        "The queue grows where more came.",
        {
            "asked": grown("pending_approval_total"),
            "decided or expired": f"{grown('approval_approved_total')} + {grown('approval_rejected_total')}"
            f" + {grown('approval_expired_total')}",
        },
        wide=12,
    ),
    Panel(
        "Schedules, per hour",
        "Held until their time, released, cancelled.",
        each_hour(scheduled="scheduled", released="schedule_released", cancelled="schedule_cancelled"),
        wide=12,
    ),
)
CHAINS = (
    stat("Incidents open", "Runs that wait for a person.", now("incidents_open"), red_from=1),
    stat("Dead letters", "Failed for good, not looked at.", now("dead_letters"), red_from=1),
    stat("Runs due", "Wait for a worker now.", now("runs_due")),
    stat(
        "Completed",
        "Of the chains that ended in the last hour.",
        f"{grown('chains_completed_total')} / clamp_min({grown('chains_completed_total')}"
        f" + {grown('chains_failed_total')} + {grown('chains_timed_out_total')}, 1)",
        "percentunit",
    ),
    stat(
        "Breakers open",
        "Providers that are left alone.",
        "count(max by (provider) (acteon_circuit_breaker_state) > 0) or vector(0)",
        red_from=1,
    ),
    stat("Fallbacks, last hour", "Calls that a fallback took.", grown("circuit_fallbacks_total")),
    Panel(
        "Chains per second",
        "Without the chains inside them.",
        {
            name: rate(f"chains_{name}_total")
            for name in ("started", "completed", "failed", "cancelled", "timed_out")
        },
        "ops",
        wide=12,
    ),
    Panel(
        "Steps, 95 % took at most",
        "Each call of a step, compensations among them.",
        {
            "{{chain}} {{step}}": "histogram_quantile(0.95, max by (chain, step, le)"
            " (rate(acteon_chain_step_seconds_bucket[5m])))"
        },
        "s",
        wide=12,
    ),
    Panel(
        "Calls per second",
        "By provider.",
        {"{{provider}}": rate("provider_requests_total", "provider")},
        "ops",
    ),
    Panel(
        "Failed calls",
        "Of all calls of a provider.",
        {
            "{{provider}}": f"{rate('provider_failures_total', 'provider')}"
            f" / clamp_min({rate('provider_requests_total', 'provider')}, 0.001)"
        },
        "percentunit",
    ),
    Panel(
        "Latency of the newest calls",
        "Of the newest thousand of each provider.",
        {
            "{{provider}} 50 %": now("provider_p50_latency_ms", "provider"),
            "{{provider}} 95 %": now("provider_p95_latency_ms", "provider"),
            "{{provider}} 99 %": now("provider_p99_latency_ms", "provider"),
        },
        "ms",
    ),
    Panel(
        "Success since the beginning",
        "In percent.",
        {"{{provider}}": now("provider_success_rate", "provider")},
        "percent",
        "stat",
        12,
    ),
    Panel(
        "Circuit breakers",
        "Shared by all processes.",
        {"{{provider}}": now("circuit_breaker_state", "provider")},
        kind="stat",
        wide=12,
        red_from=1,
        mapped=True,
    ),
    Panel(
        "Breakers at work, per hour",
        "Changes of state, refused orders, calls that a fallback took.",
        each_hour(changes="circuit_transitions", refused="circuit_open", fallbacks="circuit_fallbacks"),
        wide=24,
    ),
)
RULES = (
    Panel(
        "Decisions by rule, per second",
        "Orders that no rule took are not here.",
        {"{{rule}}": "sum by (rule) (max by (rule, outcome) (rate(acteon_rule_actions_total[5m])))"},
        "ops",
        wide=12,
    ),
    Panel(
        "By rule and outcome, per hour",
        "What became of the orders that a rule decided.",
        {"{{rule}}: {{outcome}}": grown("rule_actions_total", "rule, outcome")},
        wide=12,
    ),
    Panel(
        "Most often, last day",
        "The ten rules that decided most.",
        {
            "{{rule}}": "topk(10, sum by (rule) (max by (rule, outcome) (increase(acteon_rule_actions_total[1d]))))"
        },
        kind="bargauge",
        wide=12,
    ),
    Panel(
        "Outcomes, per second",
        "Of all orders and releases.",
        each(
            "executed", "pending_approval", "scheduled", "rerouted", "suppressed", "throttled", "deduplicated"
        ),
        "ops",
        wide=12,
    ),
    Panel(
        "Quotas, per hour",
        "Orders over a quota, by what it does.",
        each_hour(
            blocked="quota_exceeded",
            warned="quota_warned",
            degraded="quota_degraded",
            notified="quota_notified",
        ),
        wide=24,
    ),
)
WORKERS = (
    stat(
        "Heartbeat",
        "Since a worker finished a task of the scheduler.",
        now("worker_heartbeat_age_seconds"),
        "s",
        30,
    ),
    stat("Runs overdue", "For how long the oldest waits.", now("runs_oldest_due_seconds"), "s", 60),
    stat("Relay behind", "For how long the oldest record waits.", now("relay_oldest_seconds"), "s", 60),
    stat("Broken hash chains", "Records were changed or removed.", now("audit_chains_broken"), red_from=1),
    stat("Database", "With all tables and indexes.", now("database_bytes"), "bytes"),
    stat("Instances up", "That answer Prometheus.", 'sum(up{job="acteon"})'),
    Panel(
        "Work that is due",
        "Runs that wait for a worker; rows that wait for the relay.",
        {"runs": now("runs_due"), "relay": now("relay_backlog")},
    ),
    Panel(
        "Oldest due",
        "For how long it waits.",
        {
            "runs": now("runs_oldest_due_seconds"),
            "releases": now("holds_oldest_due_seconds"),
            "groups": now("groups_oldest_due_seconds"),
            "relay": now("relay_oldest_seconds"),
        },
        "s",
    ),
    Panel(
        "Subscriptions",
        "Deliveries that are due, events without any yet, and who takes nothing.",
        {
            "due": now("subscription_deliveries_due"),
            "events behind": now("subscription_events_behind"),
            "failing": now("subscriptions_failing"),
            "switched off": now("subscriptions_switched_off"),
        },
    ),
    Panel(
        "Heartbeat",
        "Above 30 s no worker or no scheduler works.",
        {"age": now("worker_heartbeat_age_seconds")},
        "s",
    ),
    Panel(
        "Connections",
        "Of PostgreSQL, of all who use that server.",
        {"{{state}}": now("database_connections", "state"), "at most": now("database_connections_max")},
    ),
    Panel("Database size", "With all tables and indexes.", {"size": now("database_bytes")}, "bytes"),
    Panel(
        "Read replica",
        "As each instance sees it.",
        {"{{instance}} behind": "acteon_replica_lag_seconds", "{{instance}} up": "acteon_replica_up"},
    ),
    Panel(
        "Disks, free",
        "That each instance sees; PostgreSQL's own is watched on its host.",
        {"{{instance}} {{path}}": "acteon_disk_free_bytes / acteon_disk_size_bytes"},
        "percentunit",
        wide=12,
    ),
    Panel(
        "Retention, rows per hour",
        "What was deleted, and what could not be.",
        {
            "audit": grown("retention_deleted_audit_total"),
            "state": grown("retention_deleted_state_total"),
            "events": grown("retention_deleted_events_total"),
            "errors": grown("retention_errors_total"),
        },
        wide=12,
    ),
)
DASHBOARDS = {
    "overview": ("Acteon: overview", OVERVIEW),
    "approvals": ("Acteon: approvals and schedules", APPROVALS),
    "chains": ("Acteon: chains and providers", CHAINS),
    "rules": ("Acteon: rules and quotas", RULES),
    "workers": ("Acteon: workers and database", WORKERS),
}
