"""Signals that were sent to runs and that no step has taken yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from chains_app.definitions import Definition
from chains_app.models import Signal


def waits_for_signals(definition: Definition) -> bool:
    return any(step.wait_for_signal for step in definition.steps)


def signals_waiting(run_ids: Collection[UUID]) -> dict[UUID, list[Signal]]:
    """By the run's id, oldest first."""
    waiting: dict[UUID, list[Signal]] = {}
    for signal in Signal.objects.filter(run__in=run_ids, taken_by="") if run_ids else ():
        waiting.setdefault(signal.run_id, []).append(signal)
    return waiting


def signals_take(taken: Iterable[tuple[Sequence[Signal], Sequence[tuple[str, str]]]]) -> None:
    """Of each run its waiting signals, and the (name, step) that were taken: of several of a name, the oldest."""
    rows = []
    for waiting, pairs in taken:
        for name, step in pairs:
            row = next(row for row in waiting if row.name == name and not row.taken_by)
            row.taken_by = step
            rows.append(row)
    if rows:
        Signal.objects.bulk_update(rows, ["taken_by"])
