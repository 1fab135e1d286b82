"""`request_approval`: hold until a person approves or rejects, or the time is over.

Above `second_approver_above` (in `total_cents`) two people must approve; so they must where the total is no number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from acteon_site.base.clock_text import span_in_words
from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.settings import Amount, Message, Provider, Seconds


@dataclass(frozen=True, slots=True)
class RequestApproval(RuleAction):
    type: ClassVar[str] = "request_approval"
    synonyms: ClassVar[tuple[str, ...]] = ("approval", "require_approval", "approve")

    notify_provider: Provider
    timeout_seconds: Seconds = 3_600
    message: Message = ""
    second_approver_above: Amount = None

    def in_words(self) -> str:
        limit, above = span_in_words(self.timeout_seconds), self.second_approver_above
        words = f"hold for approval, at most {limit}, and tell {self.notify_provider}"
        if above is not None:
            words = f"{words}, of two people where its total is above {above:,} smallest units"
        return f"{words}: {self.message}" if self.message else words
