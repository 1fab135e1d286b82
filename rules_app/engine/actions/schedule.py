"""`schedule`: hold for a time, then ask the rules again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from acteon_site.base.clock_text import span_in_words
from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.settings import Seconds


@dataclass(frozen=True, slots=True)
class Schedule(RuleAction):
    type: ClassVar[str] = "schedule"
    synonyms: ClassVar[tuple[str, ...]] = ("delay",)

    delay_seconds: Seconds

    def in_words(self) -> str:
        return f"hold for {span_in_words(self.delay_seconds)}, then ask the rules again"
