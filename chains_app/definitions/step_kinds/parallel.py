"""`parallel`: several steps side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chains_app.definitions.reader import Problems, Reader
from chains_app.definitions.step_kinds.base import ReadStep, StepKind

if TYPE_CHECKING:
    from chains_app.definitions.model import Step

NAME = "parallel"


@dataclass(frozen=True, slots=True)
class Parallel:
    """Provider steps that run side by side."""

    steps: tuple[Step, ...]
    join: str = "all"  # all | any
    on_failure: str = "fail_fast"  # fail_fast | best_effort
    timeout_seconds: float | None = None
    max_concurrency: int | None = None


def _read(reader: Reader, problems: Problems, read_step: ReadStep) -> Parallel | None:
    if not reader.has(NAME):
        return None
    keys = ("steps", "join", "on_failure", "timeout_seconds", "max_concurrency")
    inner = Reader(reader.raw(NAME), reader.at(NAME), keys, problems)
    specs = inner.items("steps")
    if not specs:
        inner.problem("steps", "must list at least one step")
    steps = [read_step(spec, f"{inner.at('steps')}[{index}]", problems) for index, spec in enumerate(specs)]
    return Parallel(
        tuple(steps),
        inner.choice("join", ("all", "any"), "all"),
        inner.choice("on_failure", ("fail_fast", "best_effort"), "fail_fast"),
        inner.seconds("timeout_seconds", least=1),
        inner.integer("max_concurrency", 0, 1, 100) or None,
    )


KIND = StepKind(NAME, _read, own_limit="write parallel.timeout_seconds")
