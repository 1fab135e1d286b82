"""A run in memory: its rows, the state that the machine sees and changes, and the way back into the rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from chains_app.definitions import Definition
from chains_app.engine.ending import in_doubt, past_point_of_no_return, steps_to_undo
from chains_app.engine.state import Children, ChildState, ProviderTraits, RunState, StepState, Turn
from chains_app.models import Attempt, Run, StepRun
from chains_app.selectors import run_definition
from chains_app.services.signalling import signal_take, signals_waiting
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
class LoadedRun:
    """The machine changes `state`, services change `run`; `write` brings the rows after both.

    `touched`: names of the steps whose rows are to be written; `attempts`: rows made or changed since the last write.
    """

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
            signal_take(self.run, signal, step)
        self.touched, self.attempts, self.state.taken = set(), [], []
        values = [getattr(self.run, name) for name in RUN_FIELDS]
        if values != self.written:
            self.run.save(update_fields=RUN_FIELDS)
            self.written = values

    def _state_to_rows(self) -> None:
        for name, state in self.state.steps.items():
            if name in self.rows or state != StepState(name):
                self._step_to_row(name, state)
        self.run.phase, self.run.ending = self.state.phase, self.state.ending
        self.run.execution_path = list(self.state.path)
        self.run.error, self.run.error_code = self.state.error, self.state.error_code
        if self.state.cursor is not None:
            self.run.current_step = self.definition.index_of(self.state.cursor)

    def _step_to_row(self, name: str, state: StepState) -> None:
        before = self.rows.get(name)
        if before is None or step_state(before) != state:
            _fill(self.row(name), state)


def _or_update(fields: list[str]) -> dict[str, Any]:
    """Rows that exist already get these fields."""
    return {"update_conflicts": True, "unique_fields": ["id"], "update_fields": fields}


def step_save(row: StepRun, state: StepState) -> None:
    """Save the state of a step that exists, outside a turn."""
    _fill(row, state)
    row.save(update_fields=STEP_FIELDS)


def _fill(row: StepRun, state: StepState) -> None:
    row.status, row.attempt, row.response = state.status, state.attempt, state.body
    row.error, row.error_code, row.unknown = state.error, state.error_code, state.unknown
    row.retry_at, row.first_called_at = state.retry_at, state.first_called_at
    row.used_provider, row.timed_from = state.used_provider, state.timed_from
    row.undo, row.undo_attempt = state.undo, state.undo_attempt
    row.undo_unknown, row.undo_called_at = state.undo_unknown, state.undo_called_at


def run_load(run: Run) -> LoadedRun:
    """The run with its steps, the runs below it and the signals that it waits for; nothing of it is locked here."""
    rows = {row.name: row for row in run.steps.all()}
    definition = run_definition(run)
    state = RunState(
        cursor=definition.steps[run.current_step].name,
        phase=run.phase,
        ending=run.ending,
        path=list(run.execution_path),
        steps={name: step_state(row) for name, row in rows.items()},
        deadline=run.expires_at,
        cancel_requested=run.cancel_requested_at is not None,
        error=run.error,
        error_code=run.error_code,
        children=_children(run, definition),
        signals=signals_waiting(run, definition),
    )
    return LoadedRun(run, definition, state, rows)


def step_state(row: StepRun) -> StepState:
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


def _children(run: Run, definition: Definition) -> dict[str, Children]:
    """How the runs below stand, the newest of each; asked only where a step on the path may have some."""
    states: dict[str, Children] = {}
    if any(
        step.name in run.execution_path and (step.sub_chain or step.parallel) for step in definition.steps
    ):
        for child in run.children.order_by("started_at"):
            states.setdefault(child.parent_step, {})[child.branch] = _child_state(child)
    return states


def _child_state(child: Run) -> ChildState:
    turn = resting_turn(run_load(child))
    if child.status not in TERMINAL:
        return ChildState(None, past_no_return=past_point_of_no_return(turn))
    return ChildState(
        ending=child.status,
        body=_last_body(child),
        error=child.error,
        to_undo=bool(steps_to_undo(turn)),
        past_no_return=past_point_of_no_return(turn),
        in_doubt=in_doubt(turn),
    )


def resting_turn(loaded: LoadedRun) -> Turn:
    """For asking what stands, of a run that nobody moves."""
    return Turn(loaded.definition, loaded.state, timezone.now(), traits=lambda name: NO_TRAITS)


def _last_body(run: Run) -> dict[str, Any]:
    """A run's answer is its last step's."""
    names = run.execution_path[-1:]
    step = run.steps.filter(name__in=names, status=StepStatus.COMPLETED).first()
    return (step.response if step else None) or {}
