"""A chain inside a chain: its last step's answer is the step's, its failure the step's failure."""

from __future__ import annotations

from chains_app.definitions import Step
from chains_app.engine.kinds.base import delayed, fail
from chains_app.engine.moves import AwaitChildren, Move, StartChildren
from chains_app.engine.state import StepState, Turn
from chains_app.states import RunStatus, StepStatus


class SubChainStep:
    def settled(self, turn: Turn, step: Step, known: StepState) -> bool:
        """A sub-chain that runs is asked to stop and awaited first: it undoes its own work."""
        return known.status != StepStatus.RUNNING

    def unsettled(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        child = turn.children_of(step).get("")
        if child is None:
            return StartChildren(step, ("",))
        if child.ending is None:
            return AwaitChildren(step, cancel=turn.state.cancel_requested or turn.late)
        if child.ending == RunStatus.COMPLETED:
            known.status, known.body = StepStatus.COMPLETED, child.body
        else:
            code = "TIMEOUT" if child.ending == RunStatus.TIMED_OUT else "EXECUTION_FAILED"
            fail(step, known, f"sub-chain {step.sub_chain} {child.ending}: {child.error}", code)
        return None

    def start(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        return delayed(turn, step, known) or StartChildren(step, ("",))

    def running(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        raise AssertionError("a running sub-chain is never settled")
