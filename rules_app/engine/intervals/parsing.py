"""What people write of an interval, read and checked; and the one spelling in which it is kept.

Ranges are `{start, end}`. Also read, as Alertmanager's files spell them: a number alone, and `monday:friday`,
`may:august`, `-7:-1`. Times are `HH:MM`, or minutes of the day as answers have them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import SHORT_LENGTH, name_problem
from rules_app.engine.intervals.model import DAY_MINUTES, Interval, Span, TimeRange
from rules_app.engine.named_lists import ALL
from rules_app.engine.scope import kind_of
from rules_app.engine.suggest import unknown
from rules_app.engine.times import WEEKDAYS, timezone_problem
from rules_app.engine.values import text_problem

KEYS = ("name", "namespace", "tenant", "time_ranges", "location", "description")
PARTS = ("times", "weekdays", "days_of_month", "months", "years")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
MOST = 50  # ranges, and spans of one kind in a range
MAX_DESCRIPTION = 2_000
FIRST_YEAR, LAST_YEAR = 1970, 9998
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,4}", re.ASCII)
_BOUNDS = {
    "weekdays": (1, 7),
    "months": (1, 12),
    "years": (FIRST_YEAR, LAST_YEAR),
    "days_of_month": (-31, 31),
}
_NAMES = {
    "weekdays": {name.lower(): number for number, name in enumerate(WEEKDAYS, 1)},
    "months": {name.lower(): number for number, name in enumerate(MONTHS, 1)},
}
Problems = list[FieldProblem]


def parse_interval(spec: Mapping[str, Any]) -> tuple[Interval | None, Problems]:
    """The interval that `spec` describes, or None and every problem found in it."""
    problems = [FieldProblem(str(key), unknown("key", key, KEYS)) for key in spec if key not in KEYS]
    problems += [FieldProblem(name, problem) for name, problem in _facts_problems(spec) if problem]
    ranges = tuple(_ranges(spec.get("time_ranges"), problems))
    if problems:
        return None, problems
    location = spec.get("location") or ""
    return Interval(
        name=spec["name"],
        ranges=ranges,
        zone=zone_for(location),
        namespace=spec.get("namespace", ALL),
        tenant=spec.get("tenant", ALL),
        location=location,
        description=spec.get("description") or "",
    ), []


def zone_for(location: str) -> ZoneInfo:
    return ZoneInfo(location or "UTC")


def spec_of(interval: Interval) -> dict[str, Any]:
    """The one spelling of its meaning, without what it need not say."""
    facts = {
        "name": interval.name,
        "namespace": interval.namespace,
        "tenant": interval.tenant,
        "time_ranges": [_range_spec(one) for one in interval.ranges],
        "location": interval.location,
        "description": interval.description,
    }
    defaults = {"namespace": ALL, "tenant": ALL, "location": "", "description": ""}
    return {name: value for name, value in facts.items() if name not in defaults or value != defaults[name]}


def _range_spec(one: TimeRange) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in PARTS:
        spell = clock if part == "times" else int
        if spans := getattr(one, part):
            found[part] = [{"start": spell(span.start), "end": spell(span.end)} for span in spans]
    return found


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _facts_problems(spec: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    yield "name", name_problem(spec["name"], longest=SHORT_LENGTH) if "name" in spec else "is missing"
    for name in ("namespace", "tenant"):
        value = spec.get(name, ALL)
        yield name, None if value == ALL else name_problem(value, colon_allowed=False)
    if spec.get("tenant", ALL) != ALL and spec.get("namespace", ALL) == ALL:
        yield "tenant", "needs its namespace beside it"
    yield "location", _zone_problem(spec.get("location"))
    description = spec.get("description")
    if description is not None and not isinstance(description, str):
        yield "description", f"must be text, not {kind_of(description)}"
    elif description:
        yield "description", text_problem(description, MAX_DESCRIPTION)


def _zone_problem(value: Any) -> str | None:
    return None if value is None or value == "" else timezone_problem(value)


def _ranges(value: Any, problems: Problems) -> Iterator[TimeRange]:
    if not isinstance(value, list) or not value:
        what = "is missing" if value is None else "must be a list with at least one range"
        problems.append(FieldProblem("time_ranges", f"{what}; {{}} stands for all times"))
        return
    if len(value) > MOST:
        problems.append(FieldProblem("time_ranges", f"must be at most {MOST}"))
        return
    for index, one in enumerate(value):
        place = f"time_ranges[{index}]"
        if not isinstance(one, Mapping):
            problems.append(
                FieldProblem(place, f"must be an object with {', '.join(PARTS)}, not {kind_of(one)}")
            )
            continue
        problems += [
            FieldProblem(f"{place}.{key}", unknown("key", key, PARTS)) for key in one if key not in PARTS
        ]
        yield TimeRange(
            **{part: tuple(_spans(one.get(part), part, f"{place}.{part}", problems)) for part in PARTS}
        )


def _spans(value: Any, part: str, place: str, problems: Problems) -> Iterator[Span]:
    if value is None:
        return
    if not isinstance(value, list):
        problems.append(
            FieldProblem(place, f"must be a list of objects with start and end, not {kind_of(value)}")
        )
        return
    if len(value) > MOST:
        problems.append(FieldProblem(place, f"must be at most {MOST}"))
        return
    for index, one in enumerate(value):
        try:
            yield _time_span(one) if part == "times" else _span(one, part)
        except ValueError as error:
            problems.append(FieldProblem(f"{place}[{index}]", str(error)))


def _time_span(value: Any) -> Span:
    """Raises ValueError saying what is wrong."""
    if not isinstance(value, Mapping):
        raise ValueError("must be an object with start and end, like {start: '09:00', end: '17:00'}")
    if value.keys() == {"start_minute", "end_minute"}:
        start, end = (_minute(value[name], name) for name in ("start_minute", "end_minute"))
    elif value.keys() == {"start", "end"}:
        start, end = (_clock(value[name], name) for name in ("start", "end"))
    else:
        raise ValueError(f"must have start and end and nothing else; it has {_keys(value)}")
    if start >= end:
        raise ValueError(
            f"must end after it starts; over midnight it is two: {clock(start)} to 24:00 and 00:00 to {clock(end)}"
        )
    return Span(start, end)


def _clock(value: Any, name: str) -> int:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        # Unquoted, 22:30 is the number 1350 to YAML.
        quote = ", in quotes" if isinstance(value, int) else ""
        raise ValueError(f"{name} must be a time from 00:00 to 24:00 like '09:30'{quote}")
    return int(value[:2]) * 60 + int(value[3:])


def _minute(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value <= DAY_MINUTES:
        raise ValueError(f"{name} must be a minute of the day, from 0 to {DAY_MINUTES}")
    return value


def _span(value: Any, part: str) -> Span:
    """Raises ValueError saying what is wrong."""
    number = _reader(part)
    if isinstance(value, Mapping):
        if "start" not in value or value.keys() - {"start", "end"}:
            raise ValueError(f"must have start and end and nothing else; it has {_keys(value)}")
        ends = value["start"], value.get("end", value["start"])
    elif isinstance(value, str) and ":" in value:
        first, _, second = value.partition(":")
        ends = first, second
    else:
        ends = value, value
    start, end = (number(one) for one in ends)
    _require_order(part, start, end)
    return Span(start, end)


def _keys(value: Mapping[str, Any]) -> str:
    return ", ".join(map(str, value)) or "nothing"


def _reader(part: str) -> Callable[[Any], int]:
    low, high = _BOUNDS[part]
    names = _NAMES.get(part, {})

    def number(value: Any) -> int:
        if isinstance(value, str):
            text = value.strip().lower()
            if text in names:
                return names[text]
            if not _WHOLE.fullmatch(text):
                words = {name: name.title() for name in names}
                raise ValueError(
                    unknown("name", value, tuple(words.values()), words)
                    if names
                    else f"must be whole numbers, not '{value}'"
                )
            value = int(text)
        if type(value) is not int:
            raise ValueError(f"must be whole numbers, not {kind_of(value)}")
        if not low <= value <= high or (part == "days_of_month" and value == 0):
            other = " without 0; -1 is the last day" if low < 0 else ""
            raise ValueError(f"must be from {low} to {high}{other}, not {value}")
        return value

    return number


def _require_order(part: str, start: int, end: int) -> None:
    if start < 0 < end:
        raise ValueError(
            f"must not begin counted from the end ({start}) and end counted from the beginning ({end})"
        )
    # Where one end counts from the month's last day, the longest month decides.
    last = 31 + end + 1 if end < 0 < start else end
    if start > last:
        raise ValueError(f"must not end before it starts ({start} to {end}); {_two(part, start, end)}")


def _two(part: str, start: int, end: int) -> str:
    low, high = _BOUNDS[part]
    if part == "days_of_month" or part == "years":
        return "exchange them"
    return f"make two of it: {start} to {high} and {low} to {end}"
