"""Three-way merging, rule by rule: what a draft says, what it was decided on, and what is live. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from acteon_site.base.clock_text import rfc3339_or_none
from acteon_site.base.errors import AppError
from rules_app.differences import Spec, label_of, same


class Standing(StrEnum):
    """How a draft's change stands to what is live."""

    DUE = "due"  # the live rule is the one it was decided on
    DONE = "done"  # the live rule says the same already
    CONFLICT = "conflict"  # the live rule has changed meanwhile, to something else


def standing(spec: Spec | None, base: Spec | None, live: Spec | None) -> Standing:
    if same(spec, live):
        return Standing.DONE
    return Standing.DUE if same(base, live) else Standing.CONFLICT


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two people changed one rule: both sides, what both began with, and who made the other side and when."""

    name: str
    base: Spec | None
    theirs: Spec | None
    yours: Spec | None
    by: str = ""
    at: datetime | None = None

    @property
    def label(self) -> str:
        return label_of(self.name)

    def as_dict(self) -> dict[str, Any]:
        return {
            "rule": self.name,
            "base": self.base,
            "theirs": self.theirs,
            "yours": self.yours,
            "by": self.by,
            "at": rfc3339_or_none(self.at),
        }


@dataclass(eq=False)
class RuleConflict(AppError):
    """409 that shows both sides of each rule it is about."""

    conflicts: Sequence[Conflict] = ()

    def body(self) -> dict[str, Any]:
        return {**super().body(), "conflicts": [found.as_dict() for found in self.conflicts]}


def conflicting(message: str, conflicts: Sequence[Conflict]) -> RuleConflict:
    return RuleConflict(message, "RULE_CONFLICT", 409, conflicts=conflicts)
