"""Runs as the contract shows them. Step answers pass the redaction that the trail has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from audit_app.redaction import Scrubber
from chains_app.definitions import Definition, Step
from chains_app.definitions.dag import as_dict, shown_status
from chains_app.models import Incident, Run, StepRun
from chains_app.selectors import run_definition
from chains_app.services.redacting import scrubber_of
from chains_app.services.repair import failed_steps
from chains_app.services.run_trees import RunTree, graph_of, run_with_children
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
    definition, tree = run_definition(run), run_with_children(run)
    steps = _Steps(tree, scrubber_of(run), run.status == RunStatus.COMPLETED)
    incident = run.incidents.filter(resolved_at__isnull=True).first()
    return {
        **run_row(run),
        "namespace": run.namespace,
        "tenant": run.tenant,
        "steps": [steps.detail(step) for step in definition.steps],
        "expires_at": rfc3339_or_none(run.expires_at),
        "cancel_reason": run.cancel_reason or None,
        "cancelled_by": run.cancelled_by or None,
        "execution_path": run.execution_path,
        "child_chain_ids": [str(child.pk) for child in tree.below.get(run.pk, ())],
        "definition_version": run.version.number if run.version else None,
        "error": run.error or None,
        "incident": incident_shape(incident) if incident else None,
    }


@dataclass(frozen=True, slots=True)
class _Steps:
    """Steps with what they know of the runs below them. A branch has its parent's origin, so one scrubber does."""

    tree: RunTree
    scrubber: Scrubber
    over: bool

    def detail(self, step: Step) -> dict[str, Any]:
        child = self._child(step)
        optional = {
            "sub_chain": step.sub_chain,
            "child_chain_id": str(child.pk) if child else "",
            "parallel_sub_steps": [self._branch(step, inner) for inner in step.parallel.steps]
            if step.parallel
            else "",
        }
        shown = self._shown(step, self._row(self.tree.root, step))
        return shown | {name: value for name, value in optional.items() if value != ""}

    def _branch(self, step: Step, inner: Step) -> dict[str, Any]:
        run = self._child(step, inner.name)
        own = {"child_chain_id": str(run.pk)} if run else {}
        return self._shown(inner, self._row(run, inner)) | own

    def _child(self, step: Step, branch: str = "") -> Run | None:
        """The newest, as the engine takes it."""
        runs = self.tree.below.get(self.tree.root.pk, ())
        found = [run for run in runs if (run.parent_step, run.branch) == (step.name, branch)]
        return found[-1] if found else None

    def _row(self, run: Run | None, step: Step) -> StepRun | None:
        return self.tree.steps.get(run.pk, {}).get(step.name) if run else None

    def _shown(self, step: Step, row: StepRun | None) -> dict[str, Any]:
        return {
            "name": step.name,
            "provider": step.provider,
            "status": shown_status(row.status if row else StepStatus.PENDING, self.over),
            "response_body": self.scrubber.clean(row.response) if row and row.response is not None else None,
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
        # Unix seconds and never null: clients fail on anything else, after the queue has been emptied.
        "timestamp": int((run.dead_lettered_at or run.ended_at or run.updated_at).timestamp()),
    }
