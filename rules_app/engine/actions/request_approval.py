"""`request_approval`: hold until a person approves or rejects, or the time is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from acteon_site.base.clock_text import span_in_words
from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.settings import Message, Provider, Seconds


@dataclass(frozen=True, slots=True)
class RequestApproval(RuleAction):
    type: ClassVar[str] = "request_approval"
    synonyms: ClassVar[tuple[str, ...]] = ("approval", "require_approval", "approve")

    notify_provider: Provider
    timeout_seconds: Seconds = 3_600
    message: Message = ""

    def in_words(self) -> str:
        limit = span_in_words(self.timeout_seconds)
        words = f"hold for approval, at most {limit}, and tell {self.notify_provider}"
        return f"{words}: {self.message}" if self.message else words
