"""/v1/providers/health and the circuit breakers as clients use them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_app.models import Counter, Event
from chains_app.models import Attempt, CircuitBreaker, Run, StepRun
from chains_app.services.health import percentile
from chains_app.services.providers import breaker_save, provider_save
from tests.chains_app.shop import Caller, open_shop

pytestmark = pytest.mark.django_db
MOMENT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def calls(provider: str, durations: list[int], **keys: Any) -> None:
    run = Run.objects.create(
        kind="single", chain_name="", namespace="n", tenant="t", provider=provider,
        action_type="y", action_id="z", origin={},
    )  # fmt: skip
    step = StepRun.objects.create(run=run, index=0, name="call", provider=provider)
    for number, duration in enumerate(durations):
        begun = MOMENT + timedelta(seconds=number)
        values = {"success": True, "completed_at": begun + timedelta(milliseconds=duration), **keys}
        Attempt.objects.create(
            step=step, number=number + 1, provider=provider, started_at=begun, duration_ms=duration, **values
        )


def health(caller: Caller | None = None) -> dict[str, dict[str, Any]]:
    answer = (caller or Caller()).get("/v1/providers/health")
    assert answer.status_code == 200
    return {report["provider"]: report for report in answer.json()["providers"]}


def test_health_has_totals_latencies_and_the_breakers_state() -> None:
    open_shop()
    breaker_save(spec={"provider": "warehouse"}, actor="owner")
    CircuitBreaker.objects.update(state="open")
    Counter.objects.create(name="provider_successes", label="warehouse", value=98)
    Counter.objects.create(name="provider_failures", label="warehouse", value=2)
    calls("warehouse", list(range(1, 101)))
    calls("warehouse", [500], success=False, error="HTTP 500")
    calls("warehouse", [0], success=None, completed_at=None, error="in flight")
    assert health()["warehouse"] == {
        "provider": "warehouse",
        "healthy": False,
        "circuit_breaker_state": "open",
        "total_requests": 100,
        "successes": 98,
        "failures": 2,
        "success_rate": 98.0,
        "avg_latency_ms": 54.95,
        "p50_latency_ms": 51.0,
        "p95_latency_ms": 96.0,
        "p99_latency_ms": 100.0,
        "last_request_at": int((MOMENT + timedelta(seconds=99)).timestamp() * 1000),
        "last_error": "HTTP 500",
        "health_check_error": None,
    }


def test_a_provider_that_was_never_called_is_healthy_and_has_every_key() -> None:
    open_shop()
    report = health()["email-service"]
    assert report["healthy"] is True
    assert report["circuit_breaker_state"] == "closed"
    assert (report["total_requests"], report["success_rate"], report["p99_latency_ms"]) == (0, 100.0, 0.0)
    assert report["last_request_at"] is None
    assert report["last_error"] is None


def test_a_provider_that_is_switched_off_is_not_healthy() -> None:
    provider_save(spec={"name": "p", "type": "log", "enabled": False}, actor="owner")
    assert (health()["p"]["healthy"], health(Caller("viewer"))["p"]["health_check_error"]) == (
        False,
        "switched off",
    )


def test_health_tells_of_all_tenants_and_is_not_for_keys_of_one() -> None:
    open_shop()
    assert Caller("admin", tenants=["acme"]).get("/v1/providers/health").status_code == 403
    assert set(health(Caller("viewer", providers=["warehouse"]))) == {"warehouse"}


@given(st.lists(st.integers(0, 100_000), min_size=1), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_one_of_the_values_and_bounds_its_share(values: list[int], share: int) -> None:
    found = percentile(sorted(values), share)
    assert found in values
    assert sum(1 for value in values if value <= found) * 100 >= share * len(values)


@pytest.mark.parametrize("prefix", ["/v1/circuit-breakers", "/admin/circuit-breakers"])
def test_breakers_are_listed_tripped_and_reset(prefix: str) -> None:
    open_shop()
    spec = {
        "provider": "payment-gateway",
        "failure_threshold": 2,
        "recovery_timeout_seconds": 60,
        "fallback_provider": "compliance-queue",
    }
    breaker_save(spec=spec, actor="owner")
    caller = Caller("operator")
    assert caller.get(prefix).json()["circuit_breakers"] == [
        {**spec, "success_threshold": 1, "state": "closed"}
    ]
    assert caller.post(f"{prefix}/payment-gateway/trip").json() == {
        "provider": "payment-gateway",
        "state": "open",
        "message": "circuit breaker of payment-gateway is open",
    }
    assert CircuitBreaker.objects.get().state == "open"
    assert caller.post(f"{prefix}/payment-gateway/reset").json()["state"] == "closed"
    assert [event.data["state"] for event in Event.objects.order_by("id")] == ["open", "closed"]
    assert caller.post(f"{prefix}/warehouse/trip").status_code == 404


def test_only_operators_of_everything_trip_breakers() -> None:
    open_shop()
    breaker_save(spec={"provider": "warehouse"}, actor="owner")
    for caller in (Caller("viewer"), Caller("operator", namespaces=["n"])):
        assert caller.post("/v1/circuit-breakers/warehouse/trip").status_code == 403
    assert Caller("viewer").get("/v1/circuit-breakers").json()["count"] == 1
    assert CircuitBreaker.objects.get().state == "closed"
    assert Event.objects.count() == 0
    narrow = Caller("viewer", providers=["email-service"])
    assert narrow.get("/v1/circuit-breakers").json() == {"circuit_breakers": [], "count": 0}


@pytest.mark.parametrize("prefix", ["/v1/circuit-breakers", "/admin/circuit-breakers"])
def test_a_breakers_state_tells_of_all_tenants_so_only_keys_of_everything_read_it(prefix: str) -> None:
    open_shop()
    breaker_save(spec={"provider": "warehouse"}, actor="owner")
    answer = Caller("admin", namespaces=["n"]).get(prefix)
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert "warehouse" not in answer.content.decode()
