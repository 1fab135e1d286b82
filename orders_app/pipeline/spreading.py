"""A backlog that is released at once does not start all its chains at once: whoever orders meanwhile goes first.

Ten thousand orders scheduled for the same second are out within a minute, while the work of their chains takes several.
Each starts its chain the later the longer it had to wait for its release. What is released on time, or with few others,
starts at once.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from orders_app.models import Hold
from orders_app.states import HoldKind

PROMPT = timedelta(seconds=5)  # what is released within this after it was due met no backlog
SPREAD = 4  # the starts are spread over so many times the time that a release was late
LONGEST = timedelta(seconds=120)
FEW = 10  # fewer that are released together are no backlog, however late


def released_start(hold: Hold | None, now: datetime, together: int) -> datetime:
    """When the chain of what was held (None: of what never was) starts, given that so many are released together now.

    By chance within that span, so that what fell due while nothing was at work is spread as well. An approval is
    never put off: a person has just decided it.
    """
    if together < FEW or hold is None or hold.kind == HoldKind.APPROVAL or hold.next_run_at is None:
        return now
    late = now - hold.next_run_at - PROMPT
    return now + random.random() * min(late * SPREAD, LONGEST) if late > timedelta(0) else now
