"""The description of provider health and circuit breakers."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    PAGE,
    TEXT,
    answer,
    array,
    body,
    component,
    enum,
    maybe,
    operation,
    page,
)
from chains_app.api import views_providers
from chains_app.states import BreakerState

PROVIDER = component(
    "ProviderHealth",
    answer(
        {
            "provider": TEXT,
            "healthy": BOOLEAN,
            "circuit_breaker_state": enum(*BreakerState.values),
            "total_requests": INTEGER,
            "successes": INTEGER,
            "failures": INTEGER,
            "success_rate": NUMBER,
            "avg_latency_ms": NUMBER,
            "p50_latency_ms": NUMBER,
            "p95_latency_ms": NUMBER,
            "p99_latency_ms": NUMBER,
            "last_request_at": maybe(INTEGER),
            "last_error": maybe(TEXT),
            "health_check_error": maybe(TEXT),
        }
    ),
)
extend_schema_view(
    get=operation(
        "How providers are doing",
        answer({"providers": array(PROVIDER)}),
        examples={
            "one": {
                "providers": [
                    {
                        "provider": "payment-gateway",
                        "healthy": True,
                        "circuit_breaker_state": "closed",
                        "total_requests": 10,
                        "successes": 10,
                        "failures": 0,
                        "success_rate": 100.0,
                        "avg_latency_ms": 12.5,
                        "p50_latency_ms": 11.0,
                        "p95_latency_ms": 20.0,
                        "p99_latency_ms": 31.0,
                        "last_request_at": 1773154800000,
                        "last_error": None,
                        "health_check_error": None,
                    }
                ]
            }
        },
    )
)(views_providers.ProviderHealth)
BREAKER = component(
    "CircuitBreaker",
    answer(
        {
            "provider": TEXT,
            "state": enum(*BreakerState.values),
            "failure_threshold": INTEGER,
            "success_threshold": INTEGER,
            "recovery_timeout_seconds": INTEGER,
            "fallback_provider": maybe(TEXT),
        }
    ),
)
TOLD = answer({"provider": TEXT, "state": enum(*BreakerState.values), "message": TEXT})
extend_schema_view(
    get=operation(
        "Circuit breakers",
        page("circuit_breakers", BREAKER),
        parameters=PAGE,
        examples={
            "one": {
                "circuit_breakers": [
                    {
                        "provider": "payment-gateway",
                        "state": "closed",
                        "failure_threshold": 2,
                        "success_threshold": 1,
                        "recovery_timeout_seconds": 60,
                        "fallback_provider": "compliance-queue",
                    }
                ],
                "count": 1,
            }
        },
    )
)(views_providers.BreakerList)
for view, verb, state in (
    (views_providers.BreakerTrip, "Open", "open"),
    (views_providers.BreakerReset, "Close", "closed"),
):
    extend_schema_view(
        post=operation(
            f"{verb} a breaker by hand",
            TOLD,
            sends=body({}),
            sends_examples={"all it needs": {}},
            errors=(404,),
            examples={
                state: {
                    "provider": "warehouse",
                    "state": state,
                    "message": f"circuit breaker of warehouse is {state}",
                }
            },
        )
    )(view)
