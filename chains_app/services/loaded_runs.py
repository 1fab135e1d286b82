"""Runs in memory: their rows, the state that the machine sees and changes, and the way back into the rows.

All runs of a transaction are loaded together and written together: each table is read and written once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from acteon_site.base.many_rows import rows_update, rows_upsert
from acteon_site.base.statements import Writes
from audit_app.redaction import Redactor, Scrubber
from audit_app.selectors import current_redactor
from chains_app.definitions import Definition
from chains_app.engine.ending import in_doubt, past_point_of_no_return, steps_to_undo
from chains_app.engine.state import Children, ChildState, ProviderTraits, RunState, StepState, Turn
from chains_app.models import Attempt, Run, Signal, StepRun
from chains_app.selectors import run_definition
from chains_app.services.redacting import scrubber_of
from chains_app.services.runs import runs_insert
from chains_app.services.signals_waiting import signals_take, signals_waiting, waits_for_signals
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
    """The machine changes `state`, services change `run`; `runs_write` brings the rows after both.

    `touched`: names of the steps whose rows are to be written; `attempts`: rows made or changed; `signals`: rows that
    no step has taken yet, oldest first; `new`: the run itself is not stored yet.
    """

    run: Run
    definition: Definition
    state: RunState
    rows: dict[str, StepRun]
    signals: Sequence[Signal] = ()
    touched: set[str] = field(default_factory=set)
    attempts: list[Attempt] = field(default_factory=list)
    new: bool = False
    _scrubbing: tuple[Redactor, Scrubber] | None = None

    @property
    def scrubber(self) -> Scrubber:
        """For whatever is kept or shown of the run, by the redaction in force."""
        if self._scrubbing is None or self._scrubbing[0] is not current_redactor():
            self._scrubbing = current_redactor(), scrubber_of(self.run)
        return self._scrubbing[1]

    @property
    def first_row(self) -> StepRun | None:
        return min(self.rows.values(), key=lambda row: row.index, default=None)

    def row(self, name: str) -> StepRun:
        """The step's row, to be written: made where there is none yet."""
        self.touched.add(name)
        if name not in self.rows:
            step = self.definition.step(name)
            self.rows[name] = StepRun.made(
                run_id=self.run.pk,
                index=self.definition.index_of(name),
                name=name,
                provider=step.provider,
                max_retries=step.retry.max_retries,
            )
        return self.rows[name]

    def state_to_rows(self) -> None:
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


def runs_write(runs: Sequence[LoadedRun], writes: Writes | None = None) -> None:
    """Made and changed rows together, by one statement where the database can, that of `writes` where given."""
    own = writes or Writes()
    for loaded in runs:
        loaded.state_to_rows()
    runs_insert([loaded.run for loaded in runs if loaded.new], own)
    rows_upsert([loaded.rows[name] for loaded in runs for name in sorted(loaded.touched)], STEP_FIELDS, own)
    rows_upsert([attempt for loaded in runs for attempt in loaded.attempts], ATTEMPT_FIELDS, own)
    signals_take([(loaded.signals, loaded.state.taken) for loaded in runs])
    rows_update([loaded.run for loaded in runs if not loaded.new], RUN_FIELDS, own)
    if writes is None:
        own.execute()
    for loaded in runs:
        loaded.new, loaded.touched, loaded.attempts = False, set(), []


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
    return runs_load([run])[0]


def run_new(run: Run) -> LoadedRun:
    """A run that is not stored yet."""
    return replace(_loaded(run, run_definition(run), {}, (), {}), new=True)


def runs_load(runs: Sequence[Run]) -> list[LoadedRun]:
    """Runs with their steps, the runs below them and the signals that they wait for; nothing of it is locked here."""
    rows: dict[UUID, dict[str, StepRun]] = {run.pk: {} for run in runs}
    begun = [run.pk for run in runs if run.execution_path]
    for row in StepRun.objects.filter(run__in=begun).order_by("index") if begun else ():
        rows[row.run_id][row.name] = row
    definitions = {run.pk: run_definition(run) for run in runs}
    signals = signals_waiting([pk for pk, found in definitions.items() if waits_for_signals(found)])
    children = _children([run for run in runs if has_runs_below(run, definitions[run.pk])])
    return [
        _loaded(run, definitions[run.pk], rows[run.pk], signals.get(run.pk, []), children.get(run.pk, {}))
        for run in runs
    ]


def _loaded(
    run: Run,
    definition: Definition,
    rows: dict[str, StepRun],
    signals: Sequence[Signal],
    children: dict[str, Children],
) -> LoadedRun:
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
        children=children,
        signals=[(signal.name, signal.payload or {}) for signal in signals],
    )
    return LoadedRun(run, definition, state, rows, signals)


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


def has_runs_below(run: Run, definition: Definition) -> bool:
    """Whether a step on its path may have some."""
    return any(
        step.name in run.execution_path and (step.sub_chain or step.parallel) for step in definition.steps
    )


def _children(parents: Collection[Run]) -> Mapping[UUID, dict[str, Children]]:
    """How the runs below stand, by the parent's id and its step; the newest of each branch."""
    if not parents:
        return {}
    states: dict[UUID, dict[str, Children]] = {}
    found = Run.objects.filter(parent__in=[run.pk for run in parents]).order_by("started_at")
    for child in runs_load(list(found)):
        run = child.run
        assert run.parent_id is not None  # noqa: S101 - the query asks for it
        steps = states.setdefault(run.parent_id, {})
        steps.setdefault(run.parent_step, {})[run.branch] = _child_state(child)
    return states


def _child_state(child: LoadedRun) -> ChildState:
    turn = resting_turn(child)
    if child.run.status not in TERMINAL:
        return ChildState(None, past_no_return=past_point_of_no_return(turn))
    return ChildState(
        ending=child.run.status,
        body=_last_body(child),
        error=child.run.error,
        to_undo=bool(steps_to_undo(turn)),
        past_no_return=past_point_of_no_return(turn),
        in_doubt=in_doubt(turn),
    )


def resting_turn(loaded: LoadedRun) -> Turn:
    """For asking what stands, of a run that nobody moves."""
    return Turn(loaded.definition, loaded.state, timezone.now(), traits=lambda name: NO_TRAITS)


def _last_body(child: LoadedRun) -> dict[str, Any]:
    """A run's answer is its last step's."""
    name = next(reversed(child.run.execution_path), "")
    step = child.rows.get(name)
    return (step.response if step and step.status == StepStatus.COMPLETED else None) or {}
