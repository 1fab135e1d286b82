"""Chain definitions: read, checked and written back, without Django."""

from chains_app.definitions.model import (
    END,
    Branch,
    Compensate,
    Definition,
    Notice,
    Step,
    Trigger,
    placed_steps,
)
from chains_app.definitions.parse import parse_definition, stored_definition
from chains_app.definitions.references import (
    check_definition,
    check_recursion,
)
from chains_app.definitions.retry import NO_RETRY, Retry, delay_ms
from chains_app.definitions.spec import to_spec
from chains_app.definitions.step_kinds.parallel import Parallel
from chains_app.definitions.step_kinds.timer import Timer
from chains_app.definitions.step_kinds.wait_for_signal import WaitForSignal

__all__ = [
    "END",
    "NO_RETRY",
    "Branch",
    "Compensate",
    "Definition",
    "Notice",
    "Parallel",
    "Retry",
    "Step",
    "Timer",
    "Trigger",
    "WaitForSignal",
    "check_definition",
    "check_recursion",
    "delay_ms",
    "parse_definition",
    "placed_steps",
    "stored_definition",
    "to_spec",
]
