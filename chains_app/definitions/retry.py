"""How often a failed step is tried again, and after what pause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

STRATEGIES = ("fixed", "linear", "exponential")
MAX_RETRIES = 100
MAX_DELAY_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Retry:
    """`max_retries` calls beyond the first. Pauses are in milliseconds and never longer than an hour."""

    max_retries: int = 0
    backoff_ms: int = 1000
    strategy: str = "exponential"
    jitter_ms: int = 0


NO_RETRY = Retry()


def delay_ms(retry: Retry, attempt: int, random: Callable[[], float]) -> int:
    """The pause after failed attempt number `attempt` (from 1); `random` draws from 0 up to 1.

    fixed: backoff. linear: backoff x attempt. exponential: backoff doubled for every further attempt.
    Up to `jitter_ms` is added, so that many runs that failed together do not return together.
    """
    attempt = max(attempt, 1)
    factor = {"fixed": 1, "linear": attempt, "exponential": 1 << min(attempt - 1, 32)}[retry.strategy]
    return min(retry.backoff_ms * factor + int(retry.jitter_ms * random()), MAX_DELAY_MS)
