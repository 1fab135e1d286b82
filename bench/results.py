"""What a run found, as it is saved, and as the lines of a table."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.rows import Measured, Row


@dataclass
class Found:
    """Of one row in one checkout: a value per round for each figure."""

    figures: dict[str, list[float]] = field(default_factory=dict)
    errors: int = 0
    sample: str = ""
    notes: list[str] = field(default_factory=list)
    why: str = ""  # why there is nothing

    def add(self, measured: Measured) -> None:
        for what, value in measured.figures.items():
            self.figures.setdefault(what, []).append(round(value, 3))
        self.errors += measured.errors
        self.sample = self.sample or measured.sample
        self.notes += [note for note in measured.notes if note not in self.notes]

    def median(self, what: str) -> float | None:
        values = self.figures.get(what)
        return statistics.median(values) if values else None


@dataclass
class Result:
    """`checkouts`: baseline (where there is one) and new; `rows`: by name, then by checkout."""

    date: str
    machine: dict[str, Any]
    rounds: int
    seconds: float
    checkouts: dict[str, str]
    rows: dict[str, dict[str, Found]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Result:
        rows = {
            name: {checkout: Found(**found) for checkout, found in by_checkout.items()}
            for name, by_checkout in content["rows"].items()
        }
        return cls(**{**content, "rows": rows})

    def first(self, row: str, checkout: str) -> float | None:
        found = self.rows.get(row, {}).get(checkout)
        return found.median(next(iter(found.figures))) if found and found.figures else None


@dataclass(frozen=True)
class Line:
    row: str
    what: str
    baseline: str
    new: str
    ratio: str
    goal: str

    def cells(self) -> tuple[str, ...]:
        return self.row, self.what, self.baseline, self.new, self.ratio, self.goal


HEADINGS = ("row", "what", "baseline", "new", "new / baseline", "goal")


def table(result: Result, rows: Iterable[Row]) -> list[Line]:
    return [line for row in rows if row.name in result.rows for line in _lines(result, row)]


def remarks(result: Result) -> list[str]:
    """What the table's marks stand for."""
    said = []
    for name, by_checkout in result.rows.items():
        for checkout, found in by_checkout.items():
            if found.errors:
                said.append(f"! {name}, {checkout}: {found.errors} errors, e.g. {found.sample}")
            said += [f"{name}, {checkout}: {note}" for note in found.notes]
            said += [f"- {name}, {checkout}: {found.why}"] if found.why else []
    return said


def _lines(result: Result, row: Row) -> Iterable[Line]:
    baseline, new = (result.rows[row.name].get(name, Found()) for name in ("baseline", "new"))
    for number, what in enumerate(dict.fromkeys([*baseline.figures, *new.figures]) or ["-"]):
        first = number == 0
        yield Line(
            f"{row.name}: {row.title}" if first else "",
            what,
            _shown(baseline.median(what), baseline.errors if first else 0),
            _shown(new.median(what), new.errors if first else 0),
            _ratio(new.median(what), baseline.median(what)),
            row.goal if first else "",
        )
        if first and row.against:
            ratio = _ratio(new.median(what), result.first(row.against, "baseline"))
            yield Line("", f"{what}, of the baseline's {row.against}", "", "", ratio, "")
        if first and row.beside:
            own = (
                _ratio(result.first(row.name, name), result.first(row.beside, name))
                for name in ("baseline", "new")
            )
            yield Line("", f"{what}, of {row.beside}", *own, "", "")


def _shown(value: float | None, errors: int) -> str:
    if value is None:
        return "-"
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}" + (" !" if errors else "")


def _ratio(value: float | None, of: float | None) -> str:
    return f"x{value / of:.2f}" if value is not None and of else ""
