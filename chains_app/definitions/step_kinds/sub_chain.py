"""`sub_chain`: another chain, awaited."""

from __future__ import annotations

from chains_app.definitions.reader import Problems, Reader
from chains_app.definitions.step_kinds.base import ReadStep, StepKind

NAME = "sub_chain"


def _read(reader: Reader, problems: Problems, read_step: ReadStep) -> str:
    return reader.name(NAME)


KIND = StepKind(NAME, _read, in_parallel=True)
