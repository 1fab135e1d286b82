"""A leased run in memory: its rows, the machine's view of them, and the way back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from acteon_site.base.digest import canonical_json
from acteon_site.base.errors import unavailable
from chains_app.definitions import Definition, parse_definition
from chains_app.engine.state import ChildState, RunState, StepState
from chains_app.models import Attempt, Run, StepRun
from chains_app.selectors import version_definition
from chains_app.states import TERMINAL, StepStatus

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
]
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
        """One statement per table (and per changed step, of which a turn has two at the most)."""
        self._state_to_rows()
        made = [self.rows[name] for name in sorted(self.touched) if self.rows[name]._state.adding]
        for name in self.touched:
            if not self.rows[name]._state.adding:
                self.rows[name].save(update_fields=STEP_FIELDS)
        if made:
            StepRun.objects.bulk_create(made)
        if self.attempts:
            Attempt.objects.bulk_create(self.attempts)
        self.touched, self.attempts = set(), []
        self.run.save(update_fields=RUN_FIELDS)

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
        if before is not None and _state_of(before) == known:
            return
        row = self.row(name)
        row.status, row.attempt, row.response = known.status, known.attempt, known.body
        row.error, row.error_code, row.unknown = known.error, known.error_code, known.unknown
        row.retry_at, row.first_called_at = known.retry_at, known.first_called_at
        row.undo, row.undo_attempt = known.undo, known.undo_attempt


def held_load(run: Run) -> Held:
    rows = {row.name: row for row in run.steps.all()}
    definition = definition_of(run)
    state = RunState(
        cursor=definition.steps[run.current_step].name,
        phase=run.phase,
        ending=run.ending,
        path=list(run.execution_path),
        steps={name: _state_of(row) for name, row in rows.items()},
        deadline=run.expires_at,
        cancel_requested=run.cancel_requested_at is not None,
        error=run.error,
        error_code=run.error_code,
        children=_children(run, definition, rows),
    )
    return Held(run, definition, state, rows)


def _state_of(row: StepRun) -> StepState:
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
        error=row.error,
        error_code=row.error_code,
    )


def _children(run: Run, definition: Definition, rows: dict[str, StepRun]) -> dict[str, ChildState]:
    """How the sub-chains stand that this run waits for. Asked only where one is under way."""
    waiting = [
        name
        for name, row in rows.items()
        if row.status == StepStatus.RUNNING and definition.step(name).sub_chain
    ]
    if not waiting:
        return {}
    newest = run.children.filter(parent_step__in=waiting).order_by("started_at")
    return {child.parent_step: _child_state(child) for child in newest}


def _child_state(child: Run) -> ChildState:
    ended = child.status in TERMINAL
    return ChildState(child.status if ended else None, last_body(child) if ended else None, child.error)


def last_body(run: Run) -> dict[str, Any]:
    """A run's answer is its last step's."""
    names = run.execution_path[-1:]
    step = run.steps.filter(name__in=names, status=StepStatus.COMPLETED).first()
    return (step.response if step else None) or {}


def definition_of(run: Run) -> Definition:
    if run.version_id is not None:
        return version_definition(run.version_id)
    return _single_definition(canonical_json(run.spec))


@lru_cache(maxsize=256)
def _single_definition(spec_text: str) -> Definition:
    definition, problems = parse_definition(json.loads(spec_text))
    if definition is None:
        raise unavailable(f"a run's own step cannot be read: {problems[0].message}")
    return definition


def expiry_of_child(parent: Run, seconds: float | None, now: datetime) -> datetime | None:
    """min(own, parent's remaining) time."""
    own = now + timedelta(seconds=seconds) if seconds else None
    ends = [end for end in (own, parent.expires_at) if end]
    return min(ends) if ends else None
