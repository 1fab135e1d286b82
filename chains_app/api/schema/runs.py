"""The description of runs."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    OBJECT,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE,
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
from acteon_site.http.openapi_examples import BODY_SCOPE, ID, NOW, SHOWN_SCOPE
from chains_app.api import views_runs
from chains_app.api.schema.shared import STATUS, STEP_STATUS

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
STEP_REF = {"$ref": "#/components/schemas/ChainStep"}
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
        },
        {"sub_chain": TEXT, "child_chain_id": UUID, "parallel_sub_steps": array(STEP_REF)},
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
            "children": {"$ref": "#/components/schemas/Dag"},
            "parallel_children": array(NODE_REF),
            "parallel_join": enum("all", "any"),
            "attempt": INTEGER,
            "max_retries": INTEGER,
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
        sends=body(BODY_SCOPE, {"reason": maybe(TEXT), "cancelled_by": maybe(TEXT | {"maxLength": 200})}),
        sends_examples={"why": {**SHOWN_SCOPE, "reason": "customer called"}},
        errors=(404, 409),
        examples={"cancelled": {**SHOWN_CHAIN, "status": "cancelled", "cancelled_by": "key:ops"}},
    )
)(views_runs.ChainCancel)
extend_schema_view(
    post=operation(
        "Resume a failed run at its failed step",
        CHAIN,
        sends=body({}, {**BODY_SCOPE, "outcome": maybe(enum("done", "not_done"))}),
        sends_examples={"all it needs": {}},
        errors=(404, 409),
        examples={"goes on": SHOWN_CHAIN},
    )
)(views_runs.ChainRetry)
extend_schema_view(
    post=operation(
        "Settle a call in doubt of a run that has ended",
        CHAIN,
        sends=body(
            {"outcome": enum("done", "not_done")}, {**BODY_SCOPE, "step": maybe(TEXT), "reason": maybe(TEXT)}
        ),
        sends_examples={"it was not carried out": {"outcome": "not_done"}},
        text="`step` says which one is meant, where several are in doubt.",
        errors=(404, 409),
        examples={"cancelled": {**SHOWN_CHAIN, "status": "cancelled", "cancelled_by": "key:ops"}},
    )
)(views_runs.ChainSettle)
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
