"""What the machine may ask for. A run makes one move after another until it waits or has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chains_app.definitions import Step


@dataclass(frozen=True, slots=True)
class CallStep:
    """Call the step's provider. `again`: an earlier call's outcome is unknown, so only that provider will do."""

    step: Step
    again: bool = False


@dataclass(frozen=True, slots=True)
class UndoStep:
    """Call what the step declares as its compensation."""

    step: Step


@dataclass(frozen=True, slots=True)
class StartChildren:
    """Start the sub-chain (branch ""), or these branches of a parallel step."""

    step: Step
    branches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UndoChildren:
    """Have the runs below the step undo what they did."""

    step: Step


@dataclass(frozen=True, slots=True)
class AwaitChildren:
    """Wait until a run below the step has ended; `cancel`: and ask them to stop."""

    step: Step
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until` (None: before something comes in). `status` is what the run shows meanwhile."""

    until: datetime | None
    status: str = "running"


@dataclass(frozen=True, slots=True)
class Park:
    """Only a person can say how it goes on."""

    step: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class End:
    status: str
    error: str = ""
    error_code: str = ""


Move = CallStep | UndoStep | StartChildren | UndoChildren | AwaitChildren | Wait | Park | End
