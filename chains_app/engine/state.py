"""A run as the machine sees it. Plain data, loaded from and written back to rows by services/."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chains_app.states import Phase, StepStatus, Undo


@dataclass(slots=True)
class StepState:
    """What is known of one step. `in_flight`: its call was recorded as started, and no answer was."""

    name: str
    status: str = StepStatus.PENDING
    attempt: int = 0
    body: dict[str, Any] | None = None
    retry_at: datetime | None = None
    in_flight: bool = False
    unknown: bool = False
    first_called_at: datetime | None = None
    undo: str = Undo.NONE
    undo_attempt: int = 0
    error: str = ""
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class ChildState:
    """A sub-chain's run: `ending` is its terminal status, or None while it runs."""

    ending: str | None
    body: dict[str, Any] | None = None
    error: str = ""


@dataclass(slots=True)
class RunState:
    cursor: str | None = None
    phase: str = Phase.FORWARD
    ending: str = ""
    path: list[str] = field(default_factory=list)
    steps: dict[str, StepState] = field(default_factory=dict)
    deadline: datetime | None = None
    cancel_requested: bool = False
    error: str = ""
    error_code: str = ""
    children: dict[str, ChildState] = field(default_factory=dict)

    def step(self, name: str) -> StepState:
        return self.steps.setdefault(name, StepState(name))
