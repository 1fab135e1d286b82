"""The description of the endpoints of chains, incidents, providers and breakers."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    NUMBER,
    OBJECT,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE,
    SCOPE_NAME,
    TEXT,
    TIME,
    UUID,
    answer,
    array,
    body,
    component,
    enum,
    maybe,
    operation,
    page,
    query,
)
from chains_app.api import views_definitions, views_providers, views_runs
from chains_app.states import BreakerState, RunStatus, StepStatus

ID = "01a20300-0000-7000-8000-000000000001"
NOW = "2026-03-10T15:00:00.000Z"
STATUS = enum(*RunStatus.values)
STEP_STATUS = enum(*StepStatus.values)
BODY_SCOPE = {"namespace": SCOPE_NAME, "tenant": SCOPE_NAME}
SHOWN_SCOPE = {"namespace": "ecommerce", "tenant": "acme-store"}

# Runs ----------------------------------------------------------------------------------------------------------
ROW = {
    "chain_id": UUID,
    "chain_name": TEXT,
    "status": STATUS,
    "current_step": INTEGER,
    "total_steps": INTEGER,
    "started_at": TIME,
    "updated_at": TIME,
    "parent_chain_id": maybe(UUID),
}
SHOWN_ROW = {
    "chain_id": ID,
    "chain_name": "order-processing",
    "status": "running",
    "current_step": 2,
    "total_steps": 5,
    "started_at": NOW,
    "updated_at": NOW,
    "parent_chain_id": None,
}
INCIDENT_KEYS = {
    "id": UUID,
    "chain_id": UUID,
    "chain_name": TEXT,
    "action_id": TEXT,
    "step": TEXT,
    "reason": TEXT,
    "message": TEXT,
    "opened_at": TIME,
    "resolved_at": maybe(TIME),
    "resolution": maybe(TEXT),
    "resolved_by": maybe(TEXT),
}
INCIDENT = component("Incident", answer(INCIDENT_KEYS))
SHOWN_INCIDENT = {
    "id": ID,
    "chain_id": ID,
    "chain_name": "order-processing",
    "action_id": "order-1",
    "step": "charge",
    "reason": "fallback",
    "message": "compliance-queue has it for review",
    "opened_at": NOW,
    "resolved_at": None,
    "resolution": None,
    "resolved_by": None,
}
STEP = component(
    "ChainStep",
    answer(
        {
            "name": TEXT,
            "provider": TEXT,
            "status": STEP_STATUS,
            "response_body": maybe(OBJECT),
            "error": maybe(TEXT),
            "completed_at": maybe(TIME),
            "attempt": INTEGER,
            "max_retries": INTEGER,
        }
    ),
)
CHAIN = component(
    "Chain",
    answer(
        {
            **ROW,
            "namespace": TEXT,
            "tenant": TEXT,
            "steps": array(STEP),
            "expires_at": maybe(TIME),
            "cancel_reason": maybe(TEXT),
            "cancelled_by": maybe(TEXT),
            "execution_path": array(TEXT),
            "child_chain_ids": array(UUID),
            "definition_version": maybe(INTEGER),
            "error": maybe(TEXT),
            "incident": maybe(INCIDENT),
        }
    ),
)
SHOWN_STEP = {
    "name": "validate",
    "provider": "payment-gateway",
    "status": "completed",
    "response_body": {"provider": "payment-gateway", "logged": True},
    "error": None,
    "completed_at": NOW,
    "attempt": 1,
    "max_retries": 3,
}
SHOWN_CHAIN = {
    **SHOWN_ROW,
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "steps": [SHOWN_STEP],
    "expires_at": NOW,
    "cancel_reason": None,
    "cancelled_by": None,
    "execution_path": ["validate"],
    "child_chain_ids": [],
    "definition_version": 1,
    "error": None,
    "incident": None,
}
extend_schema_view(
    get=operation(
        "Runs, newest first, finished ones too",
        page("chains", component("ChainRow", answer(ROW))),
        parameters=(*SCOPE, *PAGE, query("status", STATUS), query("chain_name", TEXT)),
        examples={"one": {"chains": [SHOWN_ROW], "count": 1}},
    )
)(views_runs.Chains)
extend_schema_view(
    get=operation(
        "One run", CHAIN, parameters=OPTIONAL_SCOPE, errors=(404,), examples={"running": SHOWN_CHAIN}
    )
)(views_runs.Chain)
ATTEMPT = answer(
    {
        "attempt": INTEGER,
        "started_at": TIME,
        "completed_at": TIME,
        "success": BOOLEAN,
        "duration_ms": INTEGER,
        "error": maybe(TEXT),
    }
)
extend_schema_view(
    get=operation(
        "A run's finished attempts, step by step",
        component(
            "ChainHistory",
            answer(
                {
                    "chain_id": UUID,
                    "chain_name": TEXT,
                    "status": STATUS,
                    "steps": array(
                        answer(
                            {
                                "name": TEXT,
                                "step_index": INTEGER,
                                "current_attempt": INTEGER,
                                "max_retries": INTEGER,
                                "attempts": array(ATTEMPT),
                            }
                        )
                    ),
                }
            ),
        ),
        parameters=OPTIONAL_SCOPE,
        errors=(404,),
        examples={
            "fresh": {"chain_id": ID, "chain_name": "order-processing", "status": "running", "steps": []},
        },
    )
)(views_runs.ChainHistory)
NODE_REF = {"$ref": "#/components/schemas/DagNode"}
component(
    "DagNode",
    answer(
        {"name": TEXT, "node_type": enum("step", "sub_chain", "parallel", "timer", "wait_for_signal")},
        {
            "provider": TEXT,
            "action_type": TEXT,
            "sub_chain_name": TEXT,
            "status": STEP_STATUS,
            "child_chain_id": UUID,
            "children": array(NODE_REF),
        },
    ),
)
EDGE = answer({"source": TEXT, "target": TEXT, "on_execution_path": BOOLEAN}, {"label": TEXT})
DAG = component(
    "Dag",
    answer(
        {"chain_name": TEXT, "nodes": array(NODE_REF), "edges": array(EDGE), "execution_path": array(TEXT)},
        {"chain_id": UUID, "status": STATUS},
    ),
)
SHOWN_DAG = {
    "chain_name": "order-processing",
    "nodes": [{"name": "validate", "node_type": "step", "provider": "payment-gateway"}],
    "edges": [{"source": "validate", "target": "charge", "on_execution_path": False}],
    "execution_path": [],
}
extend_schema_view(
    get=operation(
        "A run as nodes and edges",
        DAG,
        parameters=OPTIONAL_SCOPE,
        errors=(404,),
        examples={"running": {**SHOWN_DAG, "chain_id": ID, "status": "running"}},
    )
)(views_runs.ChainDag)
extend_schema_view(
    post=operation(
        "Cancel a run; what is done is compensated",
        CHAIN,
        sends=body(BODY_SCOPE, {"reason": maybe(TEXT), "cancelled_by": maybe(TEXT)}),
        sends_examples={"why": {**SHOWN_SCOPE, "reason": "customer called"}},
        errors=(404, 409),
        examples={"cancelled": {**SHOWN_CHAIN, "status": "cancelled", "cancelled_by": "key:ops"}},
    )
)(views_runs.ChainCancel)
extend_schema_view(
    post=operation(
        "Resume a failed run at its failed step",
        CHAIN,
        sends=body({}, BODY_SCOPE),
        sends_examples={"all it needs": {}},
        errors=(404, 409),
        examples={"goes on": SHOWN_CHAIN},
    )
)(views_runs.ChainRetry)
extend_schema_view(
    post=operation(
        "Give a waiting run its signal",
        CHAIN,
        sends=body({"signal": NAME}, {"payload": maybe(OBJECT), **BODY_SCOPE}),
        sends_examples={"picked up": {"signal": "picked-up", "payload": {"by": "warehouse"}}},
        errors=(404, 409),
        examples={"goes on": SHOWN_CHAIN},
    )
)(views_runs.ChainSignal)

# Incidents and dead letters ------------------------------------------------------------------------------------
extend_schema_view(
    get=operation(
        "Runs that wait for a person",
        page("incidents", INCIDENT),
        parameters=(*SCOPE, *PAGE, query("all", enum("true", "false"), "The resolved ones too")),
        examples={"one": {"incidents": [SHOWN_INCIDENT], "count": 1}},
    )
)(views_runs.Incidents)
extend_schema_view(
    post=operation(
        "Decide of a parked run: retry, skip or cancel its step",
        INCIDENT,
        sends=body({}, {"reason": maybe(TEXT)}),
        sends_examples={"all it needs": {}},
        errors=(404, 409),
        examples={
            "done": {**SHOWN_INCIDENT, "resolved_at": NOW, "resolution": "retry", "resolved_by": "key:ops"}
        },
    )
)(views_runs.IncidentAction)
extend_schema_view(
    post=operation(
        "Retry many parked runs at once",
        answer(
            {
                "dry_run": BOOLEAN,
                "resumed": INTEGER,
                "failed": INTEGER,
                "incidents": array(answer(INCIDENT_KEYS, {"error": maybe(TEXT)})),
            }
        ),
        parameters=(
            *SCOPE,
            query("dry_run", enum("true", "false"), "Only show which"),
            *(query(name, TEXT) for name in ("reason", "step", "chain_name")),
        ),
        sends=body({}),
        sends_examples={"all it needs": {}},
        examples={"none": {"dry_run": True, "resumed": 0, "failed": 0, "incidents": []}},
    )
)(views_runs.IncidentsResume)
LETTER = component(
    "DeadLetter",
    answer(
        {
            "chain_id": UUID,
            "chain_name": TEXT,
            "action_id": TEXT,
            "namespace": TEXT,
            "tenant": TEXT,
            "provider": TEXT,
            "action_type": TEXT,
            "step": maybe(TEXT),
            "error": TEXT,
            "attempts": INTEGER,
            "timestamp": maybe(TIME),
        }
    ),
)
SHOWN_LETTERS = {
    "entries": [
        {
            "chain_id": ID,
            "chain_name": "order-processing",
            "action_id": "order-1",
            **SHOWN_SCOPE,
            "provider": "warehouse",
            "action_type": "place_order",
            "step": "fulfill",
            "error": "TIMEOUT: no answer within 10 s",
            "attempts": 4,
            "timestamp": NOW,
        }
    ],
    "count": 1,
}
extend_schema_view(
    get=operation(
        "How many dead letters there are",
        answer({"enabled": BOOLEAN, "count": INTEGER}),
        parameters=OPTIONAL_SCOPE,
        examples={"none": {"enabled": True, "count": 0}},
    )
)(views_runs.DeadLetterStats)
extend_schema_view(
    get=operation(
        "Dead letters",
        page("entries", LETTER),
        parameters=(*OPTIONAL_SCOPE, *PAGE),
        examples={"one": SHOWN_LETTERS},
    )
)(views_runs.DeadLetters)
extend_schema_view(
    post=operation(
        "Take the dead letters off the list; the runs stay",
        page("entries", LETTER),
        parameters=OPTIONAL_SCOPE,
        sends=body({}),
        sends_examples={"all it needs": {}},
        examples={"one": SHOWN_LETTERS},
    )
)(views_runs.DeadLetterDrain)

# Definitions ---------------------------------------------------------------------------------------------------
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
    "parallel": body({"steps": array(OBJECT)}),
    "payload_template": {},
    "branches": array(body(BRANCH, {"value": {}})),
    "default_next": maybe(TEXT),
    "on_failure": enum("abort", "skip", "dlq"),
    "delay_seconds": NUMBER,
    "retry": body(
        {}, {"max_retries": INTEGER, "backoff_ms": INTEGER, "strategy": TEXT, "jitter_ms": INTEGER}
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
            {"steps": array(body({"name": TEXT}, STEP_OPTIONS), minItems=1)},
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

# Providers -----------------------------------------------------------------------------------------------------
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
