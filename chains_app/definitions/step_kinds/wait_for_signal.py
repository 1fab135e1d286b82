"""`wait_for_signal`: wait until somebody says so."""

from __future__ import annotations

from dataclasses import dataclass

from chains_app.definitions.reader import Problems, Reader
from chains_app.definitions.step_kinds.base import ReadStep, StepKind

NAME = "wait_for_signal"


@dataclass(frozen=True, slots=True)
class WaitForSignal:
    """Wait for a named signal; without one in time the step fails."""

    signal: str
    timeout_seconds: float | None = None


def _read(reader: Reader, problems: Problems, read_step: ReadStep) -> WaitForSignal | None:
    if not reader.has(NAME):
        return None
    inner = Reader(reader.raw(NAME), reader.at(NAME), ("signal", "timeout_seconds"), problems)
    return WaitForSignal(inner.name("signal", required=True), inner.seconds("timeout_seconds", least=1))


KIND = StepKind(NAME, _read, own_limit="write wait_for_signal.timeout_seconds")
