"""Values of lists as people and files write them, read strictly and line by line. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acteon_site.base.cards import holds_card
from acteon_site.base.clock_text import parse_time, rfc3339
from acteon_site.base.csv_lines import unguarded
from rules_app.engine.named_lists import normalised
from rules_app.engine.scope import kind_of
from rules_app.engine.suggest import unknown
from rules_app.engine.values import text_problem

MAX_VALUE, MAX_NOTE = 500, 500
MAX_ENTRIES = 200_000
COLUMNS = ("value", "note", "expires_at")
_TIME = "must be a time like 2026-12-31T23:59:59Z, with its offset"


@dataclass(frozen=True, slots=True)
class Entry:
    """A value as it was given, why it is there, and until when (None: for good)."""

    value: str
    note: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text to import. `problem` says what is wrong with it, else `entry` is what it holds."""

    number: int
    entry: Entry | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do. `double`: the number of each line whose value is there already, and since where."""

    new: tuple[Entry, ...]
    double: tuple[tuple[int, str], ...]
    bad: tuple[tuple[int, str], ...]


def value_problem(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be text, not {kind_of(value)}"
    if not value.strip():
        return "is empty"
    if problem := text_problem(value, MAX_VALUE):
        return problem
    if not value.isprintable():
        return "must not hold control characters or line breaks"
    return "looks like a card number, and those are not kept" if holds_card(value) else None


def note_problem(note: Any) -> str | None:
    if not isinstance(note, str):
        return f"must be text, not {kind_of(note)}"
    return text_problem(note, MAX_NOTE)


def parse_entry(spec: Any) -> tuple[Entry | None, list[tuple[str, str]]]:
    """An entry as JSON and YAML write it: text, or an object with `value`, `note` and `expires_at`."""
    if not isinstance(spec, Mapping):
        problem = value_problem(spec)
        return (None, [("", problem)]) if problem else (Entry(spec), [])
    problems = [(str(key), unknown("key", key, COLUMNS)) for key in spec if key not in COLUMNS]
    value, note, expiry = spec.get("value"), spec.get("note") or "", spec.get("expires_at")
    expires_at = parse_time(expiry)
    checks = (
        ("value", value_problem(value) if "value" in spec else "is missing"),
        ("note", note_problem(note)),
        ("expires_at", None if expiry is None or expires_at else _TIME),
    )
    problems += [(name, problem) for name, problem in checks if problem]
    return (None, problems) if problems else (Entry(str(value), note, expires_at), [])


def entry_spec(entry: Entry) -> Any:
    """The reverse, as short as it goes."""
    more = {
        "note": entry.note or None,
        "expires_at": rfc3339(entry.expires_at) if entry.expires_at else None,
    }
    told = {name: value for name, value in more.items() if value}
    return {"value": entry.value, **told} if told else entry.value


def read_lines(text: str, now: datetime) -> Iterator[Line]:
    """A text to import: CSV where its first line names the column `value`, else one value on each line."""
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0].strip().lower()
    delimiter = next((sign for sign in ",;\t" if sign in first), ",")
    names = [cell.strip().strip('"') for cell in first.split(delimiter)]
    if "value" in names:
        yield from _rows(text, delimiter, names, now)
    else:
        yield from _plain(text, now)


def _plain(text: str, now: datetime) -> Iterator[Line]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _line(number, {"value": line.strip()}, now)


def _rows(text: str, delimiter: str, names: Sequence[str], now: datetime) -> Iterator[Line]:
    strange = [name for name in names if name not in COLUMNS]
    if strange:
        yield Line(1, problem=unknown("column", strange[0], COLUMNS))
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    next(reader)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _row(
                    reader.line_num, dict(zip(names, cells, strict=False)), len(cells) > len(names), now
                )
    except csv.Error as error:
        yield Line(reader.line_num, problem=f"is no CSV: {error}")


def _row(number: int, cells: Mapping[str, str], longer: bool, now: datetime) -> Line:
    if longer:
        return Line(number, problem="has more cells than the first line names")
    spec = {name: unguarded(cell.strip()) for name, cell in cells.items() if cell.strip()}
    return _line(number, spec, now)


def _line(number: int, spec: Mapping[str, str], now: datetime) -> Line:
    entry, problems = parse_entry(spec)
    if entry is None:
        return Line(number, problem="; ".join(f"{name} {problem}".strip() for name, problem in problems))
    if entry.expires_at and entry.expires_at <= now:
        return Line(number, problem="expires_at is over already")
    return Line(number, entry)


def previewed(lines: Iterable[Line], matching: str, there: Callable[[str], bool]) -> Preview:
    """`there`: whether a value in the list's form is on it."""
    new: list[Entry] = []
    double: list[tuple[int, str]] = []
    bad: list[tuple[int, str]] = []
    seen: dict[str, int] = {}
    for line in lines:
        if line.entry is None:
            bad.append((line.number, line.problem))
            continue
        form = normalised(line.entry.value, matching)
        first = seen.setdefault(form, line.number)
        if first != line.number:
            double.append((line.number, f"stands on line {first} already"))
        elif there(form):
            double.append((line.number, "is on the list already"))
        else:
            new.append(line.entry)
    return Preview(tuple(new), tuple(double), tuple(bad))
