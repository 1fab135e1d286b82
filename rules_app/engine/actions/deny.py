"""`deny`: refuse, because the rule forbids it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rules_app.engine.actions.base import RuleAction


@dataclass(frozen=True, slots=True)
class Deny(RuleAction):
    type: ClassVar[str] = "deny"
    synonyms: ClassVar[tuple[str, ...]] = ("block", "reject")
