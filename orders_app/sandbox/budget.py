"""What one rendering may use: steps, text and time. Each part of a template that can multiply asks here first."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jinja2.runtime import Context

from acteon_site.base.breathing import breathe

# A name that no template can spell.
KEY = "the budget"
MAX_TEXT = 64 * 1024  # characters of one text
MAX_WRITTEN = 16 * MAX_TEXT  # of all texts made on the way
MAX_WEIGHT = 1024 * 1024  # of a list or object that a template builds, written out
MAX_STEPS = 250_000  # turns of loops, calls, items that filters go through
MAX_SECONDS = 0.5
STEPS_OF_A_BREATH = 500
# Looking at an item costs less than working on it.
_LOOKS_PER_STEP = 8
# Lists, and what dicts show of themselves.
LISTS: Any = (list, tuple, type({}.items()), type({}.keys()), type({}.values()))


class RenderError(ValueError):
    """A template that does not parse, reads what is not there, or grows or lasts too long."""


@dataclass(slots=True)
class Budget:
    steps: int = 0
    written: int = 0
    ends: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)
    breath: int = 0

    def charge(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps >= self.breath:
            self.breath = self.steps + STEPS_OF_A_BREATH
            self.ends += breathe()
        if self.steps > MAX_STEPS:
            raise RenderError(f"it takes more than {MAX_STEPS} steps")
        if time.monotonic() > self.ends:
            raise RenderError(f"it takes longer than {MAX_SECONDS} s")

    def each(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.charge()
            yield item

    def write(self, text: str) -> str:
        """The text, which was made while rendering."""
        self.fits(len(text))
        self.written += len(text)
        if self.written > MAX_WRITTEN:
            raise RenderError(f"it makes more than {MAX_WRITTEN} characters of text on the way")
        self.charge()
        return text

    def fits(self, characters: int) -> None:
        """Asked before a text of this length is made."""
        if characters > MAX_TEXT:
            raise RenderError(f"the result is longer than {MAX_TEXT} characters")

    def weigh(self, value: Any, most: int = MAX_WEIGHT) -> int:
        """About as many characters as the value has when written out. What it holds twice counts twice."""
        weight = looks = 0
        waiting = [value]
        while waiting:
            item = waiting.pop()
            looks += 1
            if isinstance(item, str):
                weight += len(item)
            elif isinstance(item, dict):
                waiting += item.keys()
                waiting += item.values()
            elif isinstance(item, LISTS):
                waiting += item
            weight += 2 if not isinstance(item, int) else 2 + item.bit_length() // 3
            if weight + len(waiting) > most:
                raise RenderError(f"a value is larger than {most} characters")
        self.charge(looks // _LOOKS_PER_STEP)
        return weight


def budget_of(context: Context) -> Budget:
    budget: Budget = context[KEY]
    return budget
