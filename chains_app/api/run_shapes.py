"""Runs as the contract shows them. Step answers pass the redaction that the trail has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from audit_app.redaction import Scrubber
from chains_app.definitions import Definition, Step
from chains_app.definitions.dag import as_dict, shown_status
from chains_app.models import Incident, Run, StepRun
from chains_app.selectors import run_definition
from chains_app.services.redacting import scrubber_of
from chains_app.services.repair import failed_steps
from chains_app.services.run_trees import graph_of
from chains_app.states import RunStatus, StepStatus


def run_row(run: Run) -> dict[str, Any]:
    return {
        "chain_id": str(run.pk),
        "chain_name": run.chain_name,
        "status": run.status,
        "current_step": run.current_step,
        "total_steps": len(run_definition(run).steps),
        "started_at": rfc3339(run.started_at),
        "updated_at": rfc3339(run.updated_at),
        "parent_chain_id": str(run.parent_id) if run.parent_id else None,
    }


def run_detail(run: Run) -> dict[str, Any]:
    definition, scrubber = run_definition(run), scrubber_of(run)
    rows = {row.name: row for row in run.steps.all()}
    incident = run.incidents.filter(resolved_at__isnull=True).first()
    return {
        **run_row(run),
        "namespace": run.namespace,
        "tenant": run.tenant,
        "steps": [_step(step, rows.get(step.name), scrubber, run.status) for step in definition.steps],
        "expires_at": rfc3339_or_none(run.expires_at),
        "cancel_reason": run.cancel_reason or None,
        "cancelled_by": run.cancelled_by or None,
        "execution_path": run.execution_path,
        "child_chain_ids": [
            str(pk) for pk in run.children.order_by("started_at").values_list("pk", flat=True)
        ],
        "definition_version": run.version.number if run.version else None,
        "error": run.error or None,
        "incident": incident_shape(incident) if incident else None,
    }


def _step(step: Step, row: StepRun | None, scrubber: Scrubber, run_status: str) -> dict[str, Any]:
    status = row.status if row else StepStatus.PENDING
    return {
        "name": step.name,
        "provider": step.provider,
        "status": shown_status(status, run_status == RunStatus.COMPLETED),
        "response_body": scrubber.clean(row.response) if row and row.response is not None else None,
        "error": row.error or None if row else None,
        "completed_at": rfc3339_or_none(row.completed_at) if row else None,
        "attempt": row.attempt if row else 0,
        "max_retries": step.retry.max_retries,
    }


def run_history(run: Run) -> dict[str, Any]:
    definition = run_definition(run)
    rows = {row.name: row for row in run.steps.prefetch_related("attempts")}
    steps = [_history(definition, rows[step.name]) for step in definition.steps if step.name in rows]
    return {"chain_id": str(run.pk), "chain_name": run.chain_name, "status": run.status, "steps": steps}


def _history(definition: Definition, row: StepRun) -> dict[str, Any]:
    attempts = [
        {
            "attempt": attempt.number,
            "started_at": rfc3339(attempt.started_at),
            "completed_at": rfc3339(attempt.completed_at),
            "success": bool(attempt.success),
            "duration_ms": attempt.duration_ms,
            "error": attempt.error or None,
        }
        for attempt in row.attempts.all()
        if attempt.completed_at and not attempt.undo
    ]
    return {
        "name": row.name,
        "step_index": definition.index_of(row.name),
        "current_attempt": row.attempt,
        "max_retries": row.max_retries,
        "attempts": attempts,
    }


def run_dag(run: Run) -> dict[str, Any]:
    return as_dict(graph_of(run))


def incident_shape(incident: Incident) -> dict[str, Any]:
    return {
        "id": str(incident.pk),
        "chain_id": str(incident.run_id),
        "chain_name": incident.run.chain_name,
        "action_id": incident.run.action_id,
        "step": incident.step,
        "reason": incident.reason,
        "message": incident.message,
        "opened_at": rfc3339(incident.opened_at),
        "resolved_at": rfc3339_or_none(incident.resolved_at),
        "resolution": incident.resolution or None,
        "resolved_by": incident.resolved_by or None,
    }


def dead_letter_shapes(runs: Sequence[Run]) -> list[dict[str, Any]]:
    failed = failed_steps(runs)
    return [_dead_letter(run, failed.get(run.pk)) for run in runs]


def _dead_letter(run: Run, failed: StepRun | None) -> dict[str, Any]:
    return {
        "chain_id": str(run.pk),
        "chain_name": run.chain_name,
        "action_id": run.action_id,
        "namespace": run.namespace,
        "tenant": run.tenant,
        "provider": failed.provider if failed else run.provider,
        "action_type": run.action_type,
        "step": failed.name if failed else None,
        "error": run.error,
        "attempts": failed.attempt if failed else 0,
        "timestamp": rfc3339_or_none(run.dead_lettered_at or run.ended_at),
    }
