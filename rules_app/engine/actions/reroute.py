"""`reroute`: execute with another provider than the action names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.settings import Provider


@dataclass(frozen=True, slots=True)
class Reroute(RuleAction):
    type: ClassVar[str] = "reroute"
    synonyms: ClassVar[tuple[str, ...]] = ("route",)

    target_provider: Provider

    def in_words(self) -> str:
        return f"send to {self.target_provider} instead"
