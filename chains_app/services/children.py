"""Runs below a run: sub-chains and the branches of parallel steps. Their end wakes the run above (`run_ended`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from acteon_site.base.doorbell import ring_on_commit
from chains_app.definitions import Step
from chains_app.engine.kinds.base import fail
from chains_app.engine.state import ChildState
from chains_app.models import Incident, Run
from chains_app.selectors import definitions
from chains_app.services.loaded_runs import LoadedRun
from chains_app.services.runs import ADVANCE_TASK, Owner, run_of_branch, run_of_chain
from chains_app.services.step_calls import template_context
from chains_app.services.units import Unit
from chains_app.states import Phase, RunStatus, Undo


def children_start(loaded: LoadedRun, step: Step, branches: Iterable[str], unit: Unit) -> None:
    """Start the sub-chain in its present version, or these branches; they end within the parent's time.

    A disabled chain still runs as a sub-chain: what is switched off is its own start by actions and rules.
    """
    state, now = loaded.state.enter(step.name), unit.now
    loaded.row(step.name).started_at = loaded.row(step.name).started_at or now
    state.attempt, state.retry_at = max(1, state.attempt), None
    runs = (
        [_branch(loaded, step, name, now) for name in branches]
        if step.parallel
        else _sub_chain(loaded, step, now)
    )
    if not runs:
        fail(step, state, f"no chain is named {step.sub_chain!r}", "CONFIGURATION")
        return
    unit.begun += runs
    states = loaded.state.children.setdefault(step.name, {})
    states.update({run.branch: ChildState(None) for run in runs})


def _sub_chain(loaded: LoadedRun, step: Step, now: datetime) -> list[Run]:
    chain = definitions().get(step.sub_chain)
    if chain is None:
        return []
    run = run_of_chain(chain, origin=loaded.run.origin, owner=Owner("", None), now=now)
    limits = [span for span in (chain.definition.timeout_seconds, step.timeout_seconds) if span]
    return [_below(loaded, step, run, min(limits, default=None), now)]


def _branch(loaded: LoadedRun, step: Step, name: str, now: datetime) -> Run:
    context = template_context(loaded)
    inherited = {"steps": context["steps"], "prev": context["prev"]}
    run = run_of_branch(loaded.run, step.name, name, inherited=inherited, now=now)
    seconds = step.parallel.timeout_seconds if step.parallel else None
    return _below(loaded, step, run, seconds, now)


def _below(loaded: LoadedRun, step: Step, run: Run, seconds: float | None, now: datetime) -> Run:
    """min(own, parent's remaining) time."""
    ends = [now + timedelta(seconds=seconds)] if seconds else []
    if loaded.run.expires_at:
        ends.append(loaded.run.expires_at)
    run.parent, run.parent_step = loaded.run, step.name
    run.expires_at = min(ends) if ends else None
    return run


def children_await(loaded: LoadedRun, step: Step, unit: Unit, *, cancel: bool) -> None:
    """Wait until a run below has ended, which wakes this one; `cancel`: ask those that run to stop."""
    parallel = step.parallel is not None
    loaded.run.status = RunStatus.WAITING_PARALLEL if parallel else RunStatus.WAITING_SUB_CHAIN
    loaded.run.next_run_at = None
    if cancel:
        unit.insert_begun()
        _ask_to_stop(loaded, step, unit.now)


def _ask_to_stop(loaded: LoadedRun, step: Step, now: datetime) -> None:
    """What runs below ends, and waits for no person any more; past its point of no return it goes on, or waits on."""
    past = [
        branch for branch, child in loaded.state.children.get(step.name, {}).items() if child.past_no_return
    ]
    running = _below_step(loaded, step).filter(ended_at__isnull=True, cancel_requested_at__isnull=True)
    running = running.exclude(branch__in=past)
    ids = list(running.values_list("pk", flat=True))
    reason = loaded.run.cancel_reason or f"{loaded.run.chain_name} stops"
    Incident.objects.filter(run__in=ids, resolved_at=None).update(resolved_at=now, resolution="cancelled")
    running.update(cancel_requested_at=now, cancel_reason=reason, next_run_at=now)
    ring_on_commit(ADVANCE_TASK, [str(pk) for pk in ids])


def children_undo(loaded: LoadedRun, step: Step, now: datetime) -> None:
    """Open the ended runs below once more, to undo what they did; their end wakes this run again."""
    loaded.state.step(step.name).undo = Undo.RUNNING
    states = loaded.state.children[step.name]
    reopened = []
    for child in _below_step(loaded, step).filter(ended_at__isnull=False).order_by("started_at"):
        if states[child.branch].to_undo:
            states[child.branch] = ChildState(None)
            reopened.append(str(child.pk))
    Run.objects.filter(pk__in=reopened).update(
        status=RunStatus.RUNNING,
        phase=Phase.UNDOING,
        ending=RunStatus.CANCELLED,
        ended_at=None,
        next_run_at=now,
        updated_at=now,
        cancel_reason=f"undone with {loaded.run.chain_name}",
    )
    ring_on_commit(ADVANCE_TASK, reopened)


def _below_step(loaded: LoadedRun, step: Step) -> QuerySet[Run]:
    return Run.objects.filter(parent=loaded.run, parent_step=step.name)
