"""A chain inside a chain: its last step's answer is the step's, its failure the step's failure."""

from __future__ import annotations

from chains_app.definitions import Step
from chains_app.engine.kinds.base import Awaited, delayed, fail
from chains_app.engine.moves import AwaitChildren, Move, StartChildren
from chains_app.engine.state import StepState, Turn
from chains_app.states import RunStatus, StepStatus


class SubChainStep(Awaited):
    def start(self, turn: Turn, step: Step, state: StepState) -> Move | None:
        return delayed(turn, step, state) or StartChildren(step, ("",))

    def proceed(self, turn: Turn, step: Step, state: StepState) -> Move | None:
        child = turn.children_of(step).get("")
        if child is None:
            return StartChildren(step, ("",))
        if child.ending is None:
            return AwaitChildren(step, cancel=turn.run.cancel_requested or turn.late)
        if child.ending == RunStatus.COMPLETED:
            state.status, state.body = StepStatus.COMPLETED, child.body
        else:
            code = "TIMEOUT" if child.ending == RunStatus.TIMED_OUT else "EXECUTION_FAILED"
            fail(step, state, f"sub-chain {step.sub_chain} {child.ending}: {child.error}", code)
        return None
