"""`suppress`: refuse; one that tests only where an action goes is a catch-all for what no rule has claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rules_app.engine.actions.base import RuleAction


@dataclass(frozen=True, slots=True)
class Suppress(RuleAction):
    type: ClassVar[str] = "suppress"
    synonyms: ClassVar[tuple[str, ...]] = ("drop",)
