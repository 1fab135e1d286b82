"""What the machine may ask for. A run makes one move after another until it waits or has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chains_app.definitions import Step


@dataclass(frozen=True, slots=True)
class CallStep:
    """Call the step's provider. `again`: an earlier call's outcome is unknown, so only the same provider will do."""

    step: Step
    again: bool = False


@dataclass(frozen=True, slots=True)
class UndoStep:
    step: Step


@dataclass(frozen=True, slots=True)
class StartChild:
    step: Step


@dataclass(frozen=True, slots=True)
class AwaitChild:
    """Wait for the sub-chain's end; `cancel`: and ask it to stop."""

    step: Step
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`."""

    until: datetime
    timer: bool = False


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


Move = CallStep | UndoStep | StartChild | AwaitChild | Wait | Park | End
