"""`allow`: execute, and ask no rule below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rules_app.engine.actions.base import RuleAction


@dataclass(frozen=True, slots=True)
class Allow(RuleAction):
    type: ClassVar[str] = "allow"
    synonyms: ClassVar[tuple[str, ...]] = ("execute",)
