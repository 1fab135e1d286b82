"""Steps side by side, each a run of its own below this one.

join `all`: every branch must complete; `any`: the first that completes decides, the others are asked to stop.
on_failure `fail_fast`: one failure stops the others and fails the step; `best_effort`: the rest goes on, and the
step fails only where no branch completed. The answer is {branch: its body}; failed branches are {"error": text}.
"""

from __future__ import annotations

from chains_app.definitions import Parallel, Step
from chains_app.engine.kinds.base import Awaited, delayed, fail
from chains_app.engine.moves import AwaitChildren, Move, StartChildren
from chains_app.engine.state import Children, StepState, Turn
from chains_app.states import RunStatus, StepStatus


class ParallelStep(Awaited):
    def start(self, turn: Turn, step: Step, state: StepState) -> Move | None:
        waiting = delayed(turn, step, state)
        return waiting or StartChildren(step, tuple(_to_start(_group(step), {})))

    def proceed(self, turn: Turn, step: Step, state: StepState) -> Move | None:
        group, children = _group(step), turn.children_of(step)
        stopping = turn.run.cancel_requested or turn.late or _decided(group, children)
        if any(child.ending is None for child in children.values()) and stopping:
            return AwaitChildren(step, cancel=True)
        to_start = [] if stopping else _to_start(group, children)
        if to_start:
            return StartChildren(step, tuple(to_start))
        if any(child.ending is None for child in children.values()):
            return AwaitChildren(step)
        _finish(step, group, state, children)
        return None


def _group(step: Step) -> Parallel:
    assert step.parallel is not None  # noqa: S101 - parse_step gives every parallel step one
    return step.parallel


def _to_start(group: Parallel, children: Children) -> list[str]:
    """Branches that have no run yet, as many as may run at once."""
    running = sum(child.ending is None for child in children.values())
    room = (group.max_concurrency or len(group.steps)) - running
    return [step.name for step in group.steps if step.name not in children][: max(0, room)]


def _decided(group: Parallel, children: Children) -> bool:
    """Nothing that the other branches do can change the step's end."""
    endings = [child.ending for child in children.values() if child.ending is not None]
    if group.join == "any" and RunStatus.COMPLETED in endings:
        return True
    failed = any(ending != RunStatus.COMPLETED for ending in endings)
    return failed and group.on_failure == "fail_fast" and group.join == "all"


def _finish(step: Step, group: Parallel, state: StepState, children: Children) -> None:
    completed = [name for name, child in children.items() if child.ending == RunStatus.COMPLETED]
    state.body = {
        name: (child.body or {}) if name in completed else {"error": child.error or str(child.ending)}
        for name, child in children.items()
    }
    lenient = group.join == "any" or group.on_failure == "best_effort"
    if len(completed) == len(group.steps) or (lenient and completed):
        state.status = StepStatus.COMPLETED
        return
    failed = ", ".join(sorted(set(children) - set(completed)))
    fail(step, state, f"these branches failed: {failed}")
