"""What other apps add to the evidence of a range: definitions that were in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acteon_site.base.registry import Registry


@dataclass(frozen=True, slots=True)
class Span:
    """Whose evidence, and of when."""

    namespace: str
    tenant: str
    since: datetime
    until: datetime

    def covers(self, namespace: str, tenant: str) -> bool:
        """Whether a definition with that scope (* for all) concerns this tenant."""
        return namespace in ("*", self.namespace) and tenant in ("*", self.tenant)


@dataclass(frozen=True, slots=True)
class EvidencePart:
    """A file of JSON Lines. `lines` are read one by one; they hold nothing of other tenants and no secret."""

    name: str
    text: str
    lines: Callable[[Span], Iterable[Mapping[str, Any]]]


EVIDENCE: Registry[EvidencePart] = Registry("part of the evidence")
