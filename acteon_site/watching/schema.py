"""The description of health and metrics."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view

from acteon_site.http.openapi import (
    INTEGER,
    TEXT,
    answer,
    component,
    enum,
    error_response,
    operation,
)
from acteon_site.watching import health, status

METRICS = component("Metrics", {"type": "object", "additionalProperties": INTEGER})
CHECKS = answer({"database": TEXT, "broker": TEXT, "worker": TEXT}, {"replica": TEXT})
READY = component("Readiness", answer({"status": enum("ready", "not_ready"), "checks": CHECKS}))

extend_schema_view(
    get=operation(
        "The process serves; with metrics for callers who may read them",
        answer({"status": enum("ok")}, {"metrics": METRICS}),
        is_open=True,
        examples={
            "without a key": {"status": "ok"},
            "with one": {"status": "ok", "metrics": {"dispatched": 7}},
        },
    )
)(health.Health)
extend_schema_view(
    get=operation(
        "Everything needed answers",
        READY,
        is_open=True,
        examples={"ready": {"status": "ready", "checks": {"database": "ok", "broker": "ok", "worker": "ok"}}},
        others={503: OpenApiResponse(READY, "Something does not answer")},
    )
)(health.Ready)
PARTS = component("StatusParts", {"type": "object", "additionalProperties": enum("ok", "degraded", "down")})
STATUS = component("Status", answer({"status": enum("ok", "degraded", "down"), "parts": PARTS}))

extend_schema_view(
    get=operation(
        "How the gateway does, for uptime checks",
        STATUS,
        is_open=True,
        examples={"one part waits": {"status": "degraded", "parts": {"orders": "ok", "workers": "degraded"}}},
        others={503: OpenApiResponse(STATUS, "Orders are not accepted")},
    )
)(status.Status)
extend_schema_view(
    get=operation(
        "Counters since the beginning",
        METRICS,
        errors=(401, 403),
        is_open=True,
        examples={"some": {"dispatched": 7}},
    )
)(health.Metrics)
extend_schema_view(
    get=extend_schema(
        summary="Counters and gauges for Prometheus",
        responses={
            (200, "text/plain"): OpenApiTypes.STR,
            400: error_response(400),
            401: error_response(401),
            403: error_response(403),
            503: error_response(503),
        },
    )
)(health.PrometheusMetrics)
