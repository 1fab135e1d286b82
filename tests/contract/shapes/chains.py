"""Runs, definitions, incidents and dead letters."""

from __future__ import annotations

from typing import Any

from tests.contract.shapes.dispatch import FIELD_PROBLEM
from tests.contract.strict import (
    Check,
    Shape,
    anything,
    boolean,
    code,
    filled,
    integer,
    listed,
    mapping,
    number,
    one_of,
    or_null,
    text,
    time,
    uuid,
    wrapped,
)

CHAIN_STATUS = one_of(
    *[
        "running",
        "completed",
        "failed",
        "cancelled",
        "timed_out",
        "waiting_sub_chain",
        "waiting_timer",
        "waiting_signal",
    ],
    "waiting_parallel",
)
CHAIN_KEYS: dict[str, Check] = {
    "chain_id": uuid,
    "chain_name": filled,
    "status": CHAIN_STATUS,
    "current_step": integer,
    "total_steps": integer,
    "started_at": time,
    "updated_at": time,
    "parent_chain_id": or_null(uuid),
}
CHAINS = wrapped("chains", Shape(CHAIN_KEYS))
STEP_STATUS = one_of("pending", "running", "completed", "failed", "skipped")
STEP_KEYS: dict[str, Check] = {
    "name": filled,
    "provider": text,
    "status": STEP_STATUS,
    "response_body": or_null(mapping),
    "error": or_null(filled),
    "completed_at": or_null(time),
    "attempt": integer,
    "max_retries": integer,
}
BRANCH = Shape(STEP_KEYS, {"child_chain_id": uuid})
STEP = Shape(STEP_KEYS, {"sub_chain": filled, "child_chain_id": uuid, "parallel_sub_steps": listed(BRANCH)})
INCIDENT = Shape(
    {
        "id": uuid,
        "chain_id": uuid,
        "chain_name": filled,
        "action_id": filled,
        "step": text,
        "reason": filled,
        "message": text,
        "opened_at": time,
        "resolved_at": or_null(time),
        "resolution": or_null(filled),
        "resolved_by": or_null(filled),
    }
)
CHAIN = Shape(
    {
        **CHAIN_KEYS,
        "namespace": filled,
        "tenant": filled,
        "steps": listed(STEP),
        "expires_at": or_null(time),
        "cancel_reason": or_null(filled),
        "cancelled_by": or_null(filled),
        "execution_path": listed(filled),
        "child_chain_ids": listed(uuid),
        "definition_version": or_null(integer),
    },
    # Why it failed, and what a parked run waits for ("shows waiting_signal and its incident").
    extra={"error": or_null(filled), "incident": or_null(INCIDENT)},
)
INCIDENTS = wrapped("incidents", INCIDENT)
# The contract names these paths and leaves their shapes open.
RESUMED = Shape(
    {
        "dry_run": boolean,
        "resumed": integer,
        "failed": integer,
        "incidents": listed(Shape(INCIDENT.keys, {"error": or_null(filled)})),
    }
)
DEAD_LETTER = Shape(
    {
        "chain_id": uuid,
        "chain_name": filled,
        "action_id": filled,
        "namespace": filled,
        "tenant": filled,
        "provider": text,
        "action_type": filled,
        "step": or_null(filled),
        "error": text,
        "attempts": integer,
        "timestamp": integer,
    }
)
DEAD_LETTERS = wrapped("entries", DEAD_LETTER)
DEAD_LETTER_STATS = Shape({"enabled": boolean, "count": integer})
ATTEMPT = Shape(
    {
        "attempt": integer,
        "started_at": time,
        "completed_at": time,
        "success": boolean,
        "duration_ms": integer,
        "error": or_null(filled),
    }
)
HISTORY = Shape(
    {
        "chain_id": uuid,
        "chain_name": filled,
        "status": CHAIN_STATUS,
        "steps": listed(
            Shape(
                {
                    "name": filled,
                    "step_index": integer,
                    "current_attempt": integer,
                    "max_retries": integer,
                    "attempts": listed(ATTEMPT),
                }
            )
        ),
    }
)
# Ours: the contract has no such path. `success` null: under way, or nobody knows.
TIMELINE_ENTRY = Shape(
    {
        "chain_id": uuid,
        "chain_name": filled,
        "step": filled,
        "attempt": integer,
        "kind": one_of("call", "compensation"),
        "provider": filled,
        "action_type": filled,
        "idempotency_key": filled,
        "started_at": time,
        "completed_at": or_null(time),
        "duration_ms": or_null(integer),
        "success": or_null(boolean),
        "error": or_null(Shape({"code": code, "message": text})),
        "payload": mapping,
        "response_body": or_null(mapping),
    }
)
TIMELINE = Shape(
    {
        "chain_id": uuid,
        "chain_name": filled,
        "status": CHAIN_STATUS,
        "entries": listed(TIMELINE_ENTRY),
        "count": integer,
    }
)
NODE_KEYS: dict[str, Check] = {
    "name": filled,
    "node_type": one_of("step", "sub_chain", "parallel", "timer", "wait_for_signal"),
}
NODE_OPTIONAL: dict[str, Check] = {
    "provider": filled,
    "action_type": filled,
    "sub_chain_name": filled,
    "status": STEP_STATUS,
    "child_chain_id": uuid,
    "attempt": integer,
    "max_retries": integer,
}


def node(value: Any, path: str) -> None:
    inside: dict[str, Check] = {
        "children": DAG,  # one whole graph, not a list
        "parallel_children": listed(node),
        "parallel_join": one_of("all", "any"),
    }
    Shape(NODE_KEYS, {**NODE_OPTIONAL, **inside})(value, path)
    assert ("parallel_children" in value) == ("parallel_join" in value), path


DAG = Shape(
    {
        "chain_name": filled,
        "nodes": listed(node),
        "edges": listed(
            Shape({"source": filled, "target": filled, "on_execution_path": boolean}, {"label": filled})
        ),
        "execution_path": listed(filled),
    },
    {"chain_id": uuid, "status": CHAIN_STATUS},
)
DEFINITION_ROW = Shape(
    {
        "name": filled,
        "steps_count": integer,
        "has_branches": boolean,
        "has_parallel": boolean,
        "has_sub_chains": boolean,
        "on_failure": one_of("abort", "abort_no_dlq"),
        "timeout_seconds": or_null(number),
        "version": integer,
    },
    extra={"enabled": boolean},
)
# The contract wraps this list without saying `count`; "Lists are wrapped objects with count" gives it one.
DEFINITIONS = wrapped("definitions", DEFINITION_ROW)

DEFINED_STEP = Shape(
    {
        "name": anything,
        "provider": anything,
        "action_type": anything,
        "payload_template": anything,
        "branches": listed(anything),
    },
    dict.fromkeys(
        (
            *[
                "sub_chain",
                "timer",
                "wait_for_signal",
                "parallel",
                "default_next",
                "on_failure",
                "delay_seconds",
                "retry",
                "compensate",
            ],
            *[
                "on_fallback",
                "on_unknown",
                "point_of_no_return",
                "transition_to",
                "timeout_seconds",
                "description",
            ],
        ),
        anything,
    ),
)
DEFINITION = Shape(
    {"name": anything, "steps": listed(DEFINED_STEP), "on_failure": anything, "timeout_seconds": anything},
    {
        "on_cancel": anything,
        "trigger": anything,
        "description": anything,
        "warnings": listed(FIELD_PROBLEM),
    },
    extra={"version": anything, "enabled": anything},
)
