"""The description of loading the rule files again."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse, extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    TEXT,
    answer,
    array,
    body,
    component,
    error_response,
    operation,
)
from rules_app.api.views_reload import RuleReload

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
