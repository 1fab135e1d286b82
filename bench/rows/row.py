"""One row of the table: what is measured, in which words, and with what it is compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.load import Heard
from bench.site import Site


class CannotDo(Exception):
    """This checkout has not what the row measures; the text says what."""


@dataclass(frozen=True)
class Measured:
    """Figures by what they are, in the order in which they are shown. The first is the one that is compared."""

    figures: dict[str, float]
    errors: int = 0
    sample: str = ""  # of an error
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, heard: Heard, rate: str = "orders/s") -> Measured:
        figures = {rate: heard.good / heard.seconds, "p50 ms": heard.p50_ms, "p99 ms": heard.p99_ms}
        notes = () if heard.good else ("nothing was answered in time: measure for longer",)
        return cls(figures, heard.errors, heard.sample, notes)


@dataclass(frozen=True)
class Row:
    """`beside`: the row whose figure of the same checkout it is divided by; `against`: whose figure of the baseline.

    A `long` one runs where it is named, or with `all`.
    """

    name: str
    title: str
    measure: Callable[[Site, float], Measured] = field(compare=False)
    goal: str = ""
    beside: str = ""
    against: str = ""
    long: bool = False
