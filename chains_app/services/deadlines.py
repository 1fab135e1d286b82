"""How long a run has. Its deadline limits work and pauses, not the time in which nobody could work on it."""

from __future__ import annotations

from datetime import datetime, timedelta

from chains_app.models import Run
from chains_app.selectors import run_definition
from chains_app.services.loaded_runs import LoadedRun


def deadline_extend(loaded: LoadedRun, now: datetime, absent: timedelta) -> None:
    """By the time that the run was parked or waited for a breaker, else by `absent`: until a worker took it."""
    run, state = loaded.run, loaded.state
    span = now - run.waits_since if run.waits_since else absent
    run.waits_since = None
    if not span:
        return
    step = state.steps.get(state.cursor or "")
    if step is not None and step.timed_from is not None:
        step.timed_from += span
    if run.expires_at is not None:
        run.expires_at += span
        state.deadline = run.expires_at
    _extend_above(run, span)


def _extend_above(run: Run, span: timedelta) -> None:
    """Time in which the run stood still is not its parent's either, nor that of the runs above.

    Beside branches that went on, a branch only keeps its group alive as long as itself.
    """
    while run.parent_id and span > timedelta(0):
        above = Run.objects.select_for_update().filter(pk=run.parent_id, ended_at__isnull=True).first()
        if above is None or above.expires_at is None:
            return
        later = above.expires_at + span
        if run.branch and run.expires_at is not None:
            later = max(above.expires_at, run.expires_at)
        span, above.expires_at = later - above.expires_at, later
        above.save(update_fields=["expires_at"])
        run = above


def deadline_renew(run: Run, now: datetime) -> None:
    """A person lets the run go on: it has its whole time again, and so have the runs above, which wait for it.

    Saves the runs above; the caller saves `run`.
    """
    above = _renewed_above(run, now)
    if run.expires_at is None:
        return
    ends = [now + timedelta(seconds=seconds) for seconds in _own_seconds(run, above)]
    if above is not None and above.expires_at is not None:
        ends.append(above.expires_at)
    # A notice's time is in no definition: it has as much as it began with.
    run.expires_at = min(ends) if ends else now + (run.expires_at - run.started_at)


def _renewed_above(run: Run, now: datetime) -> Run | None:
    if run.parent_id is None:
        return None
    above = Run.objects.select_for_update().get(pk=run.parent_id)
    if above.ended_at is None:
        deadline_renew(above, now)
        above.save(update_fields=["expires_at"])
    return above


def _own_seconds(run: Run, above: Run | None) -> list[float]:
    own = [run_definition(run).timeout_seconds]
    if above is not None and not run.branch:
        own.append(run_definition(above).step(run.parent_step).timeout_seconds)
    return [seconds for seconds in own if seconds is not None]
