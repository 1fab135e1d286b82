"""What a check says: of which rule, at which place in it, how bad, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Severity(IntEnum):
    """`error`: the rule cannot do what it says. `warning`: it does other than it seems to. `note`: mind this."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """`message` goes on from the rule's name. `field` is a place in the rule (`condition.all[1].gte`), "" the whole.

    `example` is an action that shows it: namespace, tenant, provider, action_type, payload, `at` (RFC 3339, UTC).
    A finding about the whole set has no rule.
    """

    id: str
    severity: Severity
    rule: str
    message: str
    advice: str
    field: str = ""
    example: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {"id": self.id, "severity": self.severity.word, "rule": self.rule}
        found |= {"field": self.field, "message": self.message, "advice": self.advice}
        return found | ({"example": self.example} if self.example else {})
