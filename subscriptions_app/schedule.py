"""When a delivery that failed is sent again. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

# After the first attempt, the second, and so on, as Standard Webhooks advises: 75 hours in all.
RETRY_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.2


def seconds_to_wait(tries: int, asked: float | None, pauses: Sequence[int] = RETRY_SECONDS) -> float | None:
    """Until the next attempt, after `tries` of them; None where that was the last one.

    Up to a fifth longer than planned, so that what failed together does not come back together. `asked` is what the
    answer asked for (Retry-After): never sooner than that.
    """
    if tries > len(pauses):
        return None
    planned = pauses[tries - 1] * (1 + random.uniform(0, JITTER))
    return max(planned, asked or 0)
