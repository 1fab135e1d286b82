"""The description of what the site itself serves: health, metrics, sign-in, reload."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view

from acteon_site import health, views_auth
from acteon_site.config_files.api import RuleReload
from acteon_site.openapi import (
    BOOLEAN,
    INTEGER,
    TEXT,
    answer,
    array,
    body,
    component,
    enum,
    error_response,
    operation,
)

METRICS = component("Metrics", {"type": "object", "additionalProperties": INTEGER})
CHECKS = answer({"database": TEXT, "broker": TEXT, "worker": TEXT})
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
extend_schema_view(
    post=operation(
        "Sign in: a token for a person of the admin",
        answer({"token": TEXT, "expires_in": INTEGER}),
        sends=body(
            {
                "username": {"type": "string", "minLength": 1, "maxLength": 150},
                "password": {"type": "string", "minLength": 1, "maxLength": 4096},
            }
        ),
        sends_examples={"manager": {"username": "maria", "password": "…"}},
        examples={"signed in": {"token": "acteontoken_…", "expires_in": 28800}},
        errors=(401, 429),
        is_open=True,
    )
)(views_auth.Login)
extend_schema_view(
    post=operation("Sign out: end the token that the request carries", None, status=204, errors=(413, 415))
)(views_auth.Logout)
PLACED_PROBLEM = answer(
    {"field": TEXT, "message": TEXT}, {"file": TEXT, "line": INTEGER, "kind": TEXT, "name": TEXT}
)
LOADER_ERROR = component(
    "LoaderError",
    answer(
        {"error": TEXT, "code": TEXT, "message": TEXT, "retryable": BOOLEAN},
        {"details": array(PLACED_PROBLEM)},
    ),
)
extend_schema_view(
    post=operation(
        "Load the rule files again, all or nothing",
        answer(
            {
                "reloaded": INTEGER,
                "loaded": INTEGER,
                "errors": array(TEXT, maxItems=0),
                "directory": TEXT,
                "warnings": array(PLACED_PROBLEM),
            }
        ),
        sends=body({}, {"directory": TEXT, "force": BOOLEAN}),
        sends_examples={"all": {}, "one directory": {"directory": "rules"}},
        examples={
            "loaded": {"reloaded": 6, "loaded": 6, "errors": [], "directory": ".", "warnings": []},
        },
        others={
            409: OpenApiResponse(LOADER_ERROR, "People edited rules since; `force` overwrites them"),
            422: error_response(422, LOADER_ERROR),
        },
    )
)(RuleReload)
