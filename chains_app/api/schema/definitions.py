"""The description of chain definitions."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
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
from chains_app.api import views_definitions
from chains_app.api.schema.runs import (
    DAG,
    SHOWN_DAG,
)
from chains_app.definitions.model import MAX_BRANCHES, MAX_STEPS
from chains_app.definitions.retry import STRATEGIES

SECONDS = maybe(NUMBER)
DEFINITION_ROW = answer(
    {
        "name": TEXT,
        "steps_count": INTEGER,
        "has_branches": BOOLEAN,
        "has_parallel": BOOLEAN,
        "has_sub_chains": BOOLEAN,
        "on_failure": enum("abort", "abort_no_dlq"),
        "timeout_seconds": SECONDS,
        "version": INTEGER,
        "enabled": BOOLEAN,
    }
)
extend_schema_view(
    get=operation(
        "Chain definitions",
        page("definitions", DEFINITION_ROW),
        parameters=PAGE,
        examples={
            "one": {
                "definitions": [
                    {
                        "name": "order-processing",
                        "steps_count": 5,
                        "has_branches": True,
                        "has_parallel": False,
                        "has_sub_chains": True,
                        "on_failure": "abort",
                        "timeout_seconds": 120,
                        "version": 1,
                        "enabled": True,
                    }
                ],
                "count": 1,
            }
        },
    )
)(views_definitions.DefinitionList)
BRANCH = {
    "field": TEXT,
    "operator": enum("eq", "neq", "contains", "exists", "gt", "lt", "gte", "lte"),
    "target": TEXT,
}
STEP_OPTIONS = {
    "provider": TEXT,
    "action_type": TEXT,
    "sub_chain": TEXT,
    "timer": body({}, {"seconds": NUMBER, "until": TEXT}),
    "wait_for_signal": body({"signal": TEXT}, {"timeout_seconds": NUMBER}),
    "parallel": body(
        {"steps": array(OBJECT, maxItems=MAX_BRANCHES)},
        {
            "join": enum("all", "any"),
            "on_failure": enum("fail_fast", "best_effort"),
            "timeout_seconds": NUMBER,
            "max_concurrency": INTEGER,
        },
    ),
    "payload_template": {},
    "branches": array(body(BRANCH, {"value": {}})),
    "default_next": maybe(TEXT),
    "on_failure": enum("abort", "skip", "dlq"),
    "delay_seconds": NUMBER,
    "timeout_seconds": NUMBER,
    "retry": body(
        {"max_retries": INTEGER}, {"backoff_ms": INTEGER, "strategy": enum(*STRATEGIES), "jitter_ms": INTEGER}
    ),
    "compensate": body({"provider": TEXT, "action_type": TEXT}, {"payload_template": {}}),
    "on_fallback": enum("park", "accept"),
    "on_unknown": enum("repeat", "park"),
    "point_of_no_return": BOOLEAN,
    "transition_to": TEXT,
}
DEFINITION_OPTIONS = {
    "on_failure": enum("abort", "abort_no_dlq"),
    "timeout_seconds": SECONDS,
    "on_cancel": body({"provider": TEXT, "action_type": TEXT}),
    "trigger": body({"action_type": TEXT}, {"namespace": TEXT, "tenant": TEXT}),
    "description": TEXT,
}
DEFINITION = component(
    "ChainDefinition",
    answer(
        {
            "name": TEXT,
            "steps": array(answer({"name": TEXT}, STEP_OPTIONS)),
            "version": INTEGER,
            "enabled": BOOLEAN,
            "on_failure": DEFINITION_OPTIONS["on_failure"],
            "timeout_seconds": SECONDS,
        },
        {
            **{name: DEFINITION_OPTIONS[name] for name in ("on_cancel", "trigger", "description")},
            "warnings": array({"$ref": "#/components/schemas/FieldProblem"}),
        },
    ),
)
SENT_DEFINITION = {
    "steps": [{"name": "ship", "provider": "warehouse", "action_type": "ship_order"}],
    "timeout_seconds": 60,
}
SHOWN_DEFINITION = {
    "name": "ship-only",
    "steps": [
        {
            "name": "ship",
            "provider": "warehouse",
            "action_type": "ship_order",
            "payload_template": {},
            "branches": [],
        }
    ],
    "on_failure": "abort",
    "timeout_seconds": 60,
    "version": 1,
    "enabled": True,
}
extend_schema_view(
    get=operation("One definition", DEFINITION, errors=(404,), examples={"it": SHOWN_DEFINITION}),
    put=operation(
        "Make or replace a definition",
        DEFINITION,
        sends=body(
            {"steps": array(body({"name": TEXT}, STEP_OPTIONS), minItems=1, maxItems=MAX_STEPS)},
            {"name": TEXT, **DEFINITION_OPTIONS},
        ),
        sends_examples={"one step": SENT_DEFINITION},
        errors=(404, 409),
        examples={"made": SHOWN_DEFINITION},
    ),
    delete=operation("Remove a definition that nothing refers to", None, status=204, errors=(404, 409)),
)(views_definitions.DefinitionDetail)
extend_schema_view(
    get=operation("A definition as nodes and edges", DAG, errors=(404,), examples={"it": SHOWN_DAG})
)(views_definitions.DefinitionDag)
