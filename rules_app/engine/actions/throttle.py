"""`throttle`: let so many pass in any window of so many seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from acteon_site.base.clock_text import span_in_words
from rules_app.engine.actions.base import Gate
from rules_app.engine.actions.settings import Seconds, whole_number

MAX_COUNT = 10_000  # a throttle remembers each accepted moment of its window


@dataclass(frozen=True, slots=True)
class Throttle(Gate):
    type: ClassVar[str] = "throttle"
    synonyms: ClassVar[tuple[str, ...]] = ("rate_limit",)

    max_count: Annotated[int, whole_number(MAX_COUNT)]
    window_seconds: Seconds

    def in_words(self) -> str:
        return f"let at most {self.max_count} pass in any {span_in_words(self.window_seconds)}, go on below"
