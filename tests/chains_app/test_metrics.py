"""Every metric after work that was really done: the pipeline against providers that take a time, then each name."""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from audit_app.models import AuditRecord
from audit_app.services import reaper
from audit_app.services.relay import relay
from chains_app.models import Attempt, Run
from chains_app.services.advance import runs_sweep
from chains_app.services.providers import provider_save
from orders_app.models import Action
from rules_app.models import Rule
from tests.chains_app.gateway import Gateway, receivers, settle, start, step, webhook, with_fallback
from tests.world import CLOSED_HOURS, OPEN_HOURS, SCOPE, Shop, publish_rules, tag

TAKES = 0.02
Told = dict[str, float]


@pytest.fixture
def slow(gateway: Gateway) -> Gateway:
    """All of the guide's providers answer over HTTP, each after TAKES seconds."""
    for name in ("payment-gateway", "warehouse", "email-service", "fraud-analyzer", "compliance-queue"):
        webhook(gateway, name, f"/{name}")

    def serve(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(TAKES)
        gateway._serve(handler)

    gateway.peer.reply = serve
    return gateway


def told(shop: Shop, **labels: str) -> Told:
    """The samples that have exactly these labels, by name."""
    text = shop.get("/metrics/prometheus").content.decode()
    families = text_string_to_metric_families(text)
    return {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if sample.labels == labels
    }


def counted(shop: Shop, **labels: str) -> Told:
    """Without ages and the database's size, which are never the same."""
    found = {name: value for name, value in told(shop, **labels).items() if value}
    return {name: found[name] for name in found if not re.search("_age_|_oldest_|_database_", name)}


def bare(shop: Shop, provider: str, action_type: str = "ping", **more: Any) -> Any:
    body = {**SCOPE, "provider": provider, "action_type": action_type, "payload": {"n": 1}, **more}
    return shop.dispatch(body).json()


def rule(name: str, action_type: str, **action: Any) -> None:
    condition = {"field": "action.action_type", "eq": action_type}
    Rule.objects.create(name=name, priority=0, condition=condition, action=action)
    publish_rules()


def limit(shop: Shop, provider: str, behavior: Any) -> None:
    provider_save(spec={"name": provider, "type": "log"}, actor="test")
    terms = {"max_actions": 1, "window": "hourly", "overage_behavior": behavior, "provider": provider}
    assert shop.post("/v1/quotas", {**SCOPE, **terms}).status_code == 201
    config_versions.reset()


def follow(url: str) -> None:
    """At an hour at which nothing is scheduled."""
    parts = urlsplit(url)
    answer = APIClient().post(f"{parts.path}?{parts.query}", HTTP_X_DEMO_NOW=OPEN_HOURS)
    assert answer.status_code == 200


def chains(shop: Shop, gateway: Gateway) -> None:
    """Three orders: one whose charge is retried and whose mail fails, one that fails for good, a plain one twice."""
    gateway.script = {"charge_card": [503, 200, 400], "order_confirmation": [400]}
    for dedup_key in ("a", "b", "c", "c"):
        shop.place(dedup_key=dedup_key)
        settle(3)


def holds(shop: Shop) -> None:
    """One approved, one rejected, one that waits; one scheduled and cancelled, one that waits for its time."""
    high = {"total_cents": 60_000}
    first, second, _ = (shop.place(payload=high)["PendingApproval"] for _ in range(3))
    follow(first["approve_url"])
    follow(second["reject_url"])
    late, _ = (shop.place(now=CLOSED_HOURS)["Scheduled"] for _ in range(2))
    assert shop.post(f"/v1/scheduled/{late['action_id']}/cancel", SCOPE).status_code == 200


def refusals(shop: Shop) -> None:
    rule("often", "often", type="throttle", max_count=1, window_seconds=3600)
    rule("elsewhere", "elsewhere", type="reroute", target_provider="warehouse")
    assert tag(shop.place(payload={"shipping_country": "SY"})) == "Suppressed"
    assert [tag(bare(shop, "sms-service", "often")) for _ in range(2)] == ["Executed", "Throttled"]
    assert tag(bare(shop, "sms-service", "elsewhere")) == "Rerouted"
    assert tag(bare(shop, "nobody")) == "Failed"
    assert shop.post("/v1/circuit-breakers/sms-service/trip").status_code == 200
    assert tag(bare(shop, "sms-service")) == "CircuitOpen"


def quotas(shop: Shop) -> None:
    overages: dict[str, Any] = {
        "warned": "warn",
        "notified": {"notify": {"target": "email-service"}},
        "degraded": {"degrade": {"fallback_provider": "compliance-queue"}},
        "blocked": "block",
    }
    for provider, behavior in overages.items():
        limit(shop, provider, behavior)
        seen = [tag(bare(shop, provider)) for _ in range(2)]
        assert seen == ["Executed", "QuotaExceeded" if provider == "blocked" else "Executed"]
    settle(2)


def calls_by_provider(gateway: Gateway) -> dict[str, int]:
    """What arrived, by the last part of each provider's address."""
    return dict(Counter(receivers(gateway)))


EXPECTED = {
    "dispatched": 23,
    "executed": 12,  # three chains, the approved one, once "often", seven within or over quotas
    "deduplicated": 1,
    "suppressed": 1,
    "rerouted": 1,
    "throttled": 1,
    "failed": 1,
    "pending_approval": 3,
    "scheduled": 2,
}


def test_every_total_is_of_work_that_was_done(shop: Shop, slow: Gateway) -> None:
    chains(shop, slow)
    holds(shop)
    settle(3)
    refusals(shop)
    quotas(shop)
    assert told(shop)["acteon_relay_backlog"] > 0
    relay()
    assert counted(shop) == {
        **{f"acteon_{name}_total": value for name, value in EXPECTED.items()},
        **{f"acteon_actions_{name}_total": value for name, value in EXPECTED.items()},
        "acteon_approval_approved_total": 1,
        "acteon_approval_rejected_total": 1,
        "acteon_approvals_pending": 1,
        "acteon_dead_letters": 1,
        "acteon_schedule_cancelled_total": 1,
        "acteon_schedules_pending": 1,
        "acteon_chains_started_total": 4,
        "acteon_chains_completed_total": 3,
        "acteon_chains_failed_total": 1,
        "acteon_circuit_open_total": 1,
        "acteon_circuit_transitions_total": 1,
        **{f"acteon_quota_{name}_total": 1 for name in ("warned", "notified", "degraded", "exceeded")},
    }
    totals = shop.get("/metrics").json()
    assert {name: totals[name] for name in EXPECTED} == EXPECTED


def test_calls_of_providers_are_those_that_arrived(shop: Shop, slow: Gateway) -> None:
    chains(shop, slow)
    holds(shop)
    settle(3)
    quotas(shop)
    relay()
    # Confirmations and compensations, notices of approvals and quotas, what a quota degrades, retries: all of them.
    arrived = calls_by_provider(slow)
    assert arrived == {"payment-gateway": 9, "warehouse": 3, "email-service": 7, "compliance-queue": 1}
    failures = {"payment-gateway": 2, "email-service": 1}
    for provider, calls in arrived.items():
        seen, failed = told(shop, provider=provider), failures.get(provider, 0)
        assert seen["acteon_provider_requests_total"] == calls
        assert seen["acteon_provider_failures_total"] == failed
        assert seen["acteon_provider_successes_total"] == calls - failed
        assert seen["acteon_provider_success_rate"] == pytest.approx(100 * (calls - failed) / calls, abs=0.01)
        avg, p50, p95, p99 = (
            seen[f"acteon_provider_{name}_latency_ms"] for name in ("avg", "p50", "p95", "p99")
        )
        assert TAKES * 1000 <= p50 <= p95 <= p99 < 60_000
        assert TAKES * 1000 <= avg <= p99
        by_result = told(shop, provider=provider, result="failures")["acteon_provider_calls_total"]
        assert by_result == failed
    unasked = told(shop, provider="fraud-analyzer")
    assert (unasked["acteon_provider_requests_total"], unasked["acteon_provider_success_rate"]) == (0, 100)


def test_times_of_steps_are_a_histogram_of_what_the_calls_took(shop: Shop, slow: Gateway) -> None:
    chains(shop, slow)
    relay()
    labels = {"chain": "order-processing", "step": "charge"}
    name = "acteon_chain_step_seconds"
    seen = told(shop, **labels)
    attempts = Attempt.objects.filter(step__name="charge").values_list("duration_ms", flat=True)
    assert seen[f"{name}_count"] == len(attempts) == 4
    assert 4 * TAKES <= seen[f"{name}_sum"] <= sum(took or 0 for took in attempts) / 1000
    within = [told(shop, **labels, le=le)[f"{name}_bucket"] for le in ("0.01", "1.0", "60.0", "+Inf")]
    assert within == [0, 4, 4, 4]
    # A failure that the chain skips is a call like any other.
    assert told(shop, chain="order-processing", step="notify-customer")[f"{name}_count"] == 2


def test_calls_of_less_than_a_millisecond_add_up(shop: Shop) -> None:
    for _ in range(3):
        shop.place()
    settle(1)
    relay()
    seen = told(shop, chain="order-processing", step="validate")
    assert seen["acteon_chain_step_seconds_count"] == 3
    assert 0 < seen["acteon_chain_step_seconds_sum"] < 60
    assert told(shop, provider="payment-gateway")["acteon_provider_avg_latency_ms"] >= 1


def test_what_a_fallback_takes_is_its_success_and_a_retry_a_call(shop: Shop, gateway: Gateway) -> None:
    gateway.script = {"ping": [503]}
    assert tag(bare(shop, "peer")) == "Executed"
    settle(2)
    with_fallback(gateway)
    assert shop.post("/v1/circuit-breakers/peer/trip").status_code == 200
    assert shop.post("/v1/circuit-breakers/peer/trip").status_code == 200
    assert tag(bare(shop, "peer")) == "Rerouted"
    start(shop, step("pay"))
    runs_sweep()
    relay()
    assert calls_by_provider(gateway) == {"hook": 2, "second": 2}
    assert told(shop, provider="peer")["acteon_provider_requests_total"] == 2
    assert told(shop, provider="peer")["acteon_provider_failures_total"] == 1
    assert told(shop, provider="peer")["acteon_circuit_breaker_state"] == 2
    assert told(shop, provider="second")["acteon_provider_successes_total"] == 2
    seen = counted(shop)
    assert seen["acteon_circuit_fallbacks_total"] == 2
    assert seen["acteon_circuit_transitions_total"] == 1
    assert seen["acteon_incidents_open"] == 1
    assert seen["acteon_rerouted_total"] == seen["acteon_actions_rerouted_total"] == 1


def test_a_chain_inside_a_chain_is_no_order_of_its_own(shop: Shop, slow: Gateway) -> None:
    slow.bodies["validate_order"] = {"logged": False}
    shop.place()
    settle(3)
    relay()
    seen = counted(shop)
    assert seen["acteon_chains_started_total"] == seen["acteon_chains_completed_total"] == 1
    assert told(shop, chain="fraud-review", step="analyze")["acteon_chain_step_seconds_count"] == 1


def test_runs_are_due_when_their_time_has_come(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, {"name": "rest", "timer": {"seconds": 3600}}, step("pay"))
    assert told(shop)["acteon_runs_due"] == 1
    runs_sweep()
    assert told(shop)["acteon_runs_due"] == 0
    Run.objects.filter(pk=run.pk).update(next_run_at=db_now())
    assert told(shop)["acteon_runs_due"] == 1


def test_retention_counts_what_it_deletes_skips_and_fails_at(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tag(bare(shop, "email-service")) == "Executed"
    relay()
    ttls = dict.fromkeys(("audit_ttl_seconds", "state_ttl_seconds", "event_ttl_seconds"), 60)
    assert shop.post("/v1/retention", {**SCOPE, **ttls}).status_code == 201
    held = {**SCOPE, "tenant": "held", "compliance_hold": True}
    assert shop.post("/v1/retention", held).status_code == 201
    later = db_now() + timedelta(days=1)
    monkeypatch.setattr(reaper, "db_now", lambda: later)

    def broken(cutoff: object) -> int:
        raise ValueError(cutoff)

    monkeypatch.setattr(reaper, "_reap_events", broken)
    # What was noted of the policies themselves is not sealed yet, and stays.
    records = AuditRecord.objects.filter(number__isnull=False)
    assert (Run.objects.count(), records.count(), Action.objects.count()) == (1, 1, 1)
    reaper.reap()
    assert (Run.objects.count(), records.count(), Action.objects.count()) == (0, 0, 0)
    found = {name: value for name, value in counted(shop).items() if "retention" in name}
    assert found.pop("acteon_retention_deleted_rollups_total") > 0
    assert found == {
        "acteon_retention_deleted_state_total": 1,
        "acteon_retention_deleted_audit_total": 2,  # the record, and the encrypted original of the action
        "acteon_retention_skipped_compliance_total": 1,
        "acteon_retention_errors_total": 1,
    }


def test_every_name_that_dashboards_ask_for_is_there_from_the_beginning(shop: Shop) -> None:
    actions = (
        "dispatched executed failed suppressed throttled deduplicated rerouted scheduled pending_approval"
    )
    asked = {
        "actions": f"{actions} silenced muted",
        "chains": "started completed failed cancelled",
        "circuit": "open transitions fallbacks",
        "quota": "exceeded warned degraded notified",
        "retention": "deleted_state skipped_compliance errors",
    }
    names = {f"acteon_{kind}_{name}_total" for kind, words in asked.items() for name in words.split()}
    assert names <= told(shop).keys()
    counters = {f"acteon_provider_{name}_total" for name in ("requests", "successes", "failures")}
    gauges = {f"acteon_provider_{name}_latency_ms" for name in ("avg", "p50", "p95", "p99")}
    assert counters | gauges | {"acteon_provider_success_rate"} <= told(shop, provider="warehouse").keys()
    text = shop.get("/metrics/prometheus").content.decode()
    assert len(re.findall("^# TYPE (.+) ", text, re.M)) == len(set(re.findall("^# TYPE (.+) ", text, re.M)))
    assert "# TYPE acteon_chain_step_seconds histogram" in text
