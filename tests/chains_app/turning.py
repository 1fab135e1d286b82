"""One turn of one run, as a worker makes it in sets."""

from __future__ import annotations

from chains_app.services.leases import Lease
from chains_app.services.step_calls import Reply, Request
from chains_app.services.turns import Work, runs_turn


def run_turn(lease: Lease, request: Request | None = None, reply: Reply | None = None) -> Request | None:
    """The call that is to be made now; None where the run waits or has ended, or the lease was lost."""
    started = runs_turn([Work(lease, request, reply)]).begun
    return started[0].request if started else None
