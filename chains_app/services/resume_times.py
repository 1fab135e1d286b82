"""The time that a run has when a person lets it go on."""

from __future__ import annotations

from datetime import datetime, timedelta

from chains_app.models import Run
from chains_app.services.held import definition_of


def time_anew(run: Run, now: datetime) -> None:
    """It has its whole time again, and so have the runs above it, which only wait for it. The caller saves `run`."""
    above = _above_anew(run, now)
    if run.expires_at is None:
        return
    ends = [now + timedelta(seconds=seconds) for seconds in _own_seconds(run, above)]
    if above is not None and above.expires_at is not None:
        ends.append(above.expires_at)
    # A notice's time is in no definition: it has as much as it began with.
    run.expires_at = min(ends) if ends else now + (run.expires_at - run.started_at)


def _above_anew(run: Run, now: datetime) -> Run | None:
    if run.parent_id is None:
        return None
    above = Run.objects.select_for_update().get(pk=run.parent_id)
    if above.ended_at is None:
        time_anew(above, now)
        above.save(update_fields=["expires_at"])
    return above


def _own_seconds(run: Run, above: Run | None) -> list[float]:
    own = [definition_of(run).timeout_seconds]
    if above is not None and not run.branch:
        own.append(definition_of(above).step(run.parent_step).timeout_seconds)
    return [seconds for seconds in own if seconds is not None]
