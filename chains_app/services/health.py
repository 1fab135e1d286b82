"""How providers are doing: totals since the beginning, latencies of the newest calls, the breaker's state."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from audit_app.selectors import provider_counters
from chains_app.models import Attempt, CircuitBreaker
from chains_app.providers.base import ProviderSettings
from chains_app.selectors import providers
from chains_app.states import BreakerState

SAMPLES = 1000
Sample = tuple[int | None, bool | None, Any, str]


def provider_health(*, names: Collection[str] | None = None) -> list[dict[str, Any]]:
    """One report per provider, of all or of `names`. Latencies in milliseconds, rates in percent."""
    totals = provider_counters()
    states = dict(CircuitBreaker.objects.filter(enabled=True).values_list("provider", "state"))
    return [
        _report(settings, totals.get(name, {}), states.get(name, BreakerState.CLOSED))
        for name, settings in sorted(providers().items())
        if names is None or name in names
    ]


def _report(settings: ProviderSettings, totals: dict[str, int], state: str) -> dict[str, Any]:
    samples = _samples(settings.name)
    successes, failures = totals.get("successes", 0), totals.get("failures", 0)
    total = successes + failures
    return {
        "provider": settings.name,
        "healthy": settings.enabled and state != BreakerState.OPEN,
        "circuit_breaker_state": str(state),
        "total_requests": total,
        "successes": successes,
        "failures": failures,
        # Nobody who was never called has failed.
        "success_rate": round(100 * successes / total, 2) if total else 100.0,
        **_latencies(sorted(duration for duration, *_ in samples if duration is not None)),
        "last_request_at": _last_request(samples),
        "last_error": next((error for _, success, _, error in samples if not success and error), None),
        "health_check_error": None if settings.enabled else "switched off",
    }


def _samples(provider: str) -> list[Sample]:
    """The newest calls that are finished, by the index on provider and begin, past those in flight."""
    finished = Attempt.objects.filter(provider=provider, completed_at__isnull=False).order_by("-started_at")
    return list(finished.values_list("duration_ms", "success", "started_at", "error")[:SAMPLES])


def _last_request(samples: Sequence[Sample]) -> int | None:
    """Unix time in whole milliseconds."""
    started = [moment for _, _, moment, _ in samples]
    return int(max(started).timestamp() * 1000) if started else None


def _latencies(ordered: Sequence[int]) -> dict[str, float]:
    average = round(sum(ordered) / len(ordered), 2) if ordered else 0.0
    percentiles = {f"p{share}_latency_ms": percentile(ordered, share) for share in (50, 95, 99)}
    return {"avg_latency_ms": average, **percentiles}


def percentile(ordered: Sequence[int], share: int) -> float:
    """Nearest rank: the smallest value that at least `share` percent do not exceed. 0 of nothing."""
    if not ordered:
        return 0.0
    rank = -(-len(ordered) * share // 100)
    return float(ordered[max(rank, 1) - 1])
