"""`deduplicate`: refuse what repeats an action of the last seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from acteon_site.base.clock_text import span_in_words
from rules_app.engine.actions.base import Gate
from rules_app.engine.actions.settings import Seconds


@dataclass(frozen=True, slots=True)
class Deduplicate(Gate):
    type: ClassVar[str] = "deduplicate"
    synonyms: ClassVar[tuple[str, ...]] = ("dedup", "dedupe")

    ttl_seconds: Seconds

    def in_words(self) -> str:
        return f"refuse repeats within {span_in_words(self.ttl_seconds)}, go on below"
