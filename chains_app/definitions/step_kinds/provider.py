"""`provider`: a call, with `action_type` and what only calls have."""

from __future__ import annotations

from chains_app.definitions.reader import Problems, Reader
from chains_app.definitions.step_kinds.base import ReadStep, StepKind

NAME = "provider"


def _read(reader: Reader, problems: Problems, read_step: ReadStep) -> str:
    return reader.name(NAME, colon_allowed=False)


KIND = StepKind(NAME, _read, in_parallel=True)
