"""A step's call on its way: what is asked, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chains_app.definitions import Step
from chains_app.engine.call_results import Failure
from chains_app.models import Attempt
from chains_app.providers.base import Call
from chains_app.services.breakers import Route


@dataclass(frozen=True, slots=True)
class Request:
    """A call that is recorded as started, and the attempt that it stands in. `undo`: it is the compensation's.

    `since` is the steady clock of this process, in seconds, no later than the moment from which its lease counts.
    """

    step: Step
    attempt: Attempt
    call: Call
    route: Route
    since: float
    undo: bool = False

    @property
    def fallback(self) -> str:
        """Who gets the call in place of the step's provider; "" where nobody does."""
        return self.route.provider if not self.undo and self.route.provider != self.step.provider else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request came to: a body, or a failure."""

    body: dict[str, Any] | None
    failure: Failure | None
    duration_us: int

    @property
    def duration_ms(self) -> int:
        """Rounded up: a call that was made took some time, however little."""
        return -(-self.duration_us // 1000)
