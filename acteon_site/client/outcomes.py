"""The externally tagged outcomes of a dispatch as one plain type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """`kind` is the tag (Executed, Deduplicated, …), `data` what stands under it, {} where nothing does."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> Mapping[str, Any]:
        """The body of an Executed answer."""
        body = self.data.get("body")
        return body if isinstance(body, Mapping) else {}

    @property
    def chain_id(self) -> str:
        return str(self.data.get("chain_id") or self.body.get("chain_id") or "")

    @property
    def retry_after(self) -> float:
        """Seconds until a Throttled action may be sent again."""
        wait = self.data.get("retry_after") or {}
        return float(wait.get("secs", 0)) + float(wait.get("nanos", 0)) / 1e9


def outcome_of(answer: Any) -> Outcome:
    """Read one outcome: a bare string, or an object of one key. Raises ValueError for anything else."""
    if isinstance(answer, str):
        return Outcome(answer)
    if isinstance(answer, Mapping) and len(answer) == 1:
        kind, data = next(iter(answer.items()))
        return Outcome(kind, data if isinstance(data, Mapping) else {})
    raise ValueError(f"this is no outcome: {str(answer)[:200]}")
