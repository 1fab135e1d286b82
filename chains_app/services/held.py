"""A leased run in memory: its rows, the machine's view of them, and the way back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.utils import timezone

from acteon_site.base.digest import canonical_json
from acteon_site.base.errors import unavailable
from chains_app.definitions import Definition, parse_definition
from chains_app.engine.ending import in_doubt, point_passed, standing
from chains_app.engine.state import Children, ChildState, ProviderTraits, RunState, StepState, Turn
from chains_app.models import Attempt, Run, StepRun
from chains_app.selectors import version_definition
from chains_app.states import TERMINAL, StepStatus

NO_TRAITS = ProviderTraits(repeatable=False, window=timedelta(0))
STEP_FIELDS = [
    "used_provider",
    "status",
    "attempt",
    "response",
    "error",
    "error_code",
    "first_called_at",
    "started_at",
    "completed_at",
    "retry_at",
    "unknown",
    "undo",
    "undo_attempt",
    "undo_unknown",
    "undo_called_at",
    "timed_from",
]
ATTEMPT_FIELDS = ["completed_at", "duration_ms", "success", "error", "error_code"]
RUN_FIELDS = [
    "status",
    "phase",
    "ending",
    "current_step",
    "execution_path",
    "updated_at",
    "ended_at",
    "expires_at",
    "next_run_at",
    "waits_since",
    "lease_token",
    "lease_until",
    "error",
    "error_code",
    "dead_lettered_at",
]


@dataclass(slots=True)
class Held:
    """`state` is what the machine changes; `write` brings the rows after it."""

    run: Run
    definition: Definition
    state: RunState
    rows: dict[str, StepRun]
    touched: set[str] = field(default_factory=set)
    attempts: list[Attempt] = field(default_factory=list)
    written: list[Any] = field(default_factory=list)

    def row(self, name: str) -> StepRun:
        """The step's row, to be written: made where there is none yet."""
        self.touched.add(name)
        if name not in self.rows:
            step = self.definition.step(name)
            self.rows[name] = StepRun(
                run=self.run,
                index=self.definition.index_of(name),
                name=name,
                provider=step.provider,
                max_retries=step.retry.max_retries,
            )
        return self.rows[name]

    def write(self) -> None:
        """One statement per table, made and changed rows together; none where nothing changed since the last one."""
        self._state_to_rows()
        if self.touched:
            rows = [self.rows[name] for name in sorted(self.touched)]
            StepRun.objects.bulk_create(rows, **_or_update(STEP_FIELDS))
        if self.attempts:
            Attempt.objects.bulk_create(self.attempts, **_or_update(ATTEMPT_FIELDS))
        for signal, step in self.state.taken:
            take_signal(self.run, signal, step)
        self.touched, self.attempts, self.state.taken = set(), [], []
        values = [getattr(self.run, name) for name in RUN_FIELDS]
        if values != self.written:
            self.run.save(update_fields=RUN_FIELDS)
            self.written = values

    def _state_to_rows(self) -> None:
        for name, known in self.state.steps.items():
            if name in self.rows or known != StepState(name):
                self._step_to_row(name, known)
        self.run.phase, self.run.ending = self.state.phase, self.state.ending
        self.run.execution_path = list(self.state.path)
        self.run.error, self.run.error_code = self.state.error, self.state.error_code
        if self.state.cursor is not None:
            self.run.current_step = self.definition.index_of(self.state.cursor)

    def _step_to_row(self, name: str, known: StepState) -> None:
        before = self.rows.get(name)
        if before is None or step_known(before) != known:
            _fill(self.row(name), known)


def _or_update(fields: list[str]) -> dict[str, Any]:
    """Rows that exist already get these fields."""
    return {"update_conflicts": True, "unique_fields": ["id"], "update_fields": fields}


def step_write(row: StepRun, known: StepState) -> None:
    """Save what is known of a step that exists, outside a turn."""
    _fill(row, known)
    row.save(update_fields=STEP_FIELDS)


def _fill(row: StepRun, known: StepState) -> None:
    row.status, row.attempt, row.response = known.status, known.attempt, known.body
    row.error, row.error_code, row.unknown = known.error, known.error_code, known.unknown
    row.retry_at, row.first_called_at = known.retry_at, known.first_called_at
    row.used_provider, row.timed_from = known.used_provider, known.timed_from
    row.undo, row.undo_attempt = known.undo, known.undo_attempt
    row.undo_unknown, row.undo_called_at = known.undo_unknown, known.undo_called_at


def take_signal(run: Run, name: str, step: str) -> None:
    oldest = run.signals.filter(name=name, taken_by="").first()
    if oldest is not None:
        oldest.taken_by = step
        oldest.save(update_fields=["taken_by"])


def held_load(run: Run) -> Held:
    rows = {row.name: row for row in run.steps.all()}
    definition = definition_of(run)
    state = RunState(
        cursor=definition.steps[run.current_step].name,
        phase=run.phase,
        ending=run.ending,
        path=list(run.execution_path),
        steps={name: step_known(row) for name, row in rows.items()},
        deadline=run.expires_at,
        cancel_requested=run.cancel_requested_at is not None,
        error=run.error,
        error_code=run.error_code,
        children=children_states(run, definition),
        signals=_signals(run, definition),
    )
    return Held(run, definition, state, rows)


def step_known(row: StepRun) -> StepState:
    return StepState(
        name=row.name,
        status=row.status,
        attempt=row.attempt,
        body=row.response,
        retry_at=row.retry_at,
        unknown=row.unknown,
        first_called_at=row.first_called_at,
        undo=row.undo,
        undo_attempt=row.undo_attempt,
        undo_unknown=row.undo_unknown,
        undo_called_at=row.undo_called_at,
        used_provider=row.used_provider,
        timed_from=row.timed_from,
        error=row.error,
        error_code=row.error_code,
    )


def _signals(run: Run, definition: Definition) -> list[tuple[str, dict[str, Any]]]:
    """What was sent and not taken; asked only where the chain waits for signals at all."""
    if not any(step.wait_for_signal for step in definition.steps):
        return []
    return [(row.name, row.payload or {}) for row in run.signals.filter(taken_by="")]


def children_states(run: Run, definition: Definition) -> dict[str, Children]:
    """How the runs below stand, the newest of each; asked only where a step on the path may have some."""
    states: dict[str, Children] = {}
    if any(
        step.name in run.execution_path and (step.sub_chain or step.parallel) for step in definition.steps
    ):
        for child in run.children.order_by("started_at"):
            states.setdefault(child.parent_step, {})[child.branch] = _child_state(child)
    return states


def _child_state(child: Run) -> ChildState:
    turn = resting_turn(held_load(child))
    if child.status not in TERMINAL:
        return ChildState(None, past=point_passed(turn))
    return ChildState(
        ending=child.status,
        body=last_body(child),
        error=child.error,
        stands=bool(standing(turn)),
        past=point_passed(turn),
        doubt=in_doubt(turn),
    )


def resting_turn(held: Held) -> Turn:
    """For asking what stands, of a run that nobody moves."""
    return Turn(held.definition, held.state, timezone.now(), traits=lambda name: NO_TRAITS)


def last_body(run: Run) -> dict[str, Any]:
    """A run's answer is its last step's."""
    names = run.execution_path[-1:]
    step = run.steps.filter(name__in=names, status=StepStatus.COMPLETED).first()
    return (step.response if step else None) or {}


def definition_of(run: Run) -> Definition:
    if run.version_id is None:
        return _single_definition(canonical_json(run.spec))
    definition = version_definition(run.version_id)
    return branch_definition(definition, run.parent_step, run.branch) if run.branch else definition


def branch_definition(definition: Definition, step: str, branch: str) -> Definition:
    """A chain of the one step that a branch is."""
    group = definition.step(step).parallel
    inner = next((inner for inner in group.steps if inner.name == branch), None) if group else None
    if inner is None:
        raise unavailable(f"chain {definition.name} has no branch {step}/{branch}")
    return Definition(
        f"{definition.name}/{step}/{branch}",
        (inner,),
        on_failure="abort_no_dlq",
        timeout_seconds=group.timeout_seconds if group else None,
    )


@lru_cache(maxsize=256)
def _single_definition(spec_text: str) -> Definition:
    definition, problems = parse_definition(json.loads(spec_text))
    if definition is None:
        raise unavailable(f"a run's own step cannot be read: {problems[0].message}")
    return definition
