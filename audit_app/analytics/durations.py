"""Averages and percentiles of durations, from their classes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from audit_app.records.sketch import UNKNOWN, percentile

SHARES = (50, 95, 99)


@dataclass(slots=True)
class Durations:
    """How many took how long. Percentiles are off by at most audit_app.records.sketch.ERROR_PERCENT."""

    classes: dict[int, int] = field(default_factory=dict)
    micros: int = 0

    def add(self, duration_class: int, count: int, micros: int) -> None:
        self.classes[duration_class] = self.classes.get(duration_class, 0) + count
        self.micros += micros

    def include(self, classes: Mapping[int, int]) -> None:
        held = self.classes
        for duration_class, count in classes.items():
            held[duration_class] = held.get(duration_class, 0) + count

    @property
    def count(self) -> int:
        return sum(self.classes.values())

    @property
    def measured(self) -> int:
        return self.count - self.classes.get(UNKNOWN, 0)

    @property
    def average_ms(self) -> float | None:
        return round(self.micros / self.measured / 1000, 3) if self.measured else None

    def percentile_ms(self, share: int) -> float | None:
        micros = percentile(self.classes, share)
        return None if micros is None else round(micros / 1000, 3)

    def percentiles_ms(self, shares: Iterable[int] = SHARES) -> Mapping[int, float | None]:
        return {share: self.percentile_ms(share) for share in shares}
