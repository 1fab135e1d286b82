"""A recurring action as clients and files spell it, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import FieldProblem
from acteon_site.base.labels import labels_of
from acteon_site.base.names import SHORT_LENGTH, identity_problem, name_problem
from orders_app.recurring.cron import Schedule, cron_problem, cron_text, zone_problem

OVERLAPS = ("allow_all", "skip", "cancel_other")
MISSED = ("skip", "once", "all")
NAMES = ("namespace", "tenant", "provider", "action_type")
TIMES = ("start_date", "end_date")
MOST_EXECUTIONS = 1_000_000_000
MAX_TEXT = 10_000
MAX_PAYLOAD = 200_000  # bytes of JSON: it is read again at each firing
DEFAULTS: Mapping[str, Any] = {
    "name": "",
    "metadata": {},
    "timezone": "UTC",
    "start_date": None,
    "end_date": None,
    "max_executions": None,
    "description": "",
    "dedup_key": "",
    "labels": {},
    "overlap_policy": "allow_all",
    "missed": "once",
}
KEYS = (*NAMES, "payload", "cron_expression", *DEFAULTS)
# What the answers call otherwise.
ALIASES = {"cron_expr": "cron_expression", "ends_at": "end_date", "starts_at": "start_date"}


def read_spec(body: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a body that say something, each under its own name; what else stands there is left out."""
    aliased = {name: body[alias] for alias, name in ALIASES.items() if alias in body}
    return aliased | {name: body[name] for name in KEYS if name in body}


def full_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """With defaults for what is left out or null."""
    return {**DEFAULTS, **{name: value for name, value in spec.items() if value is not None}}


def spec_problems(spec: Mapping[str, Any]) -> list[FieldProblem]:
    """Everything that is wrong with a full spec."""
    found = [(name, _name(spec.get(name), name)) for name in NAMES]
    found.append(("name", name_problem(spec["name"], longest=SHORT_LENGTH) if spec["name"] != "" else None))
    found.append(("dedup_key", identity_problem(spec["dedup_key"]) if spec["dedup_key"] != "" else None))
    found.append(("payload", _payload(spec.get("payload"))))
    found.append(("cron_expression", cron_problem(spec.get("cron_expression"))))
    found.append(("timezone", zone_problem(spec["timezone"])))
    found += [(name, _time(spec[name])) for name in TIMES]
    found.append(("max_executions", _executions(spec["max_executions"])))
    found.append(("description", _text(spec["description"])))
    found.append(("labels", _labels(spec["labels"])))
    found.append(("overlap_policy", _one_of(spec["overlap_policy"], OVERLAPS)))
    found.append(("missed", _one_of(spec["missed"], MISSED)))
    problems = [FieldProblem(name, problem) for name, problem in found if problem]
    problems += labels_of(spec["metadata"])[1]
    return problems or _together(spec)


def schedule_of(spec: Mapping[str, Any]) -> Schedule:
    """Of a spec without problems."""
    start, end = (_moment(spec[name]) for name in TIMES)
    return Schedule(cron_text(spec["cron_expression"]), spec["timezone"], start, end)


def columns_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns, of a full spec without problems."""
    kept = {name: spec[name] for name in KEYS if name not in TIMES}
    return {
        **kept,
        "cron_expression": cron_text(spec["cron_expression"]),
        "metadata": labels_of(spec["metadata"])[0],
        "starts_at": _moment(spec["start_date"]),
        "ends_at": _moment(spec["end_date"]),
    }


def _moment(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else parse_time(value)


def _together(spec: Mapping[str, Any]) -> list[FieldProblem]:
    start, end = (_moment(spec[name]) for name in TIMES)
    if start and end and end <= start:
        return [FieldProblem("end_date", "must be after start_date")]
    if spec["missed"] == "all" and spec["overlap_policy"] != "allow_all":
        message = (
            f"'all' makes up for missed occurrences one right after the other, and overlap_policy "
            f"{spec['overlap_policy']!r} would not let them: write 'once', or overlap_policy 'allow_all'"
        )
        return [FieldProblem("missed", message)]
    return []


def _name(value: Any, name: str) -> str | None:
    return "is required" if value is None else name_problem(value, colon_allowed=name == "action_type")


def _payload(value: Any) -> str | None:
    if value is None:
        return "is required"
    if not isinstance(value, dict):
        return "must be a JSON object"
    size = len(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    return f"must have at most {MAX_PAYLOAD} bytes, has {size}" if size > MAX_PAYLOAD else None


def _time(value: Any) -> str | None:
    if value is None or _moment(value) is not None:
        return None
    return "must be an RFC 3339 time with offset, like 2026-01-31T12:00:00Z"


def _executions(value: Any) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_EXECUTIONS
    return None if value is None or fits else f"must be a whole number from 1 to {MOST_EXECUTIONS}"


def _text(value: Any) -> str | None:
    fits = isinstance(value, str) and len(value) <= MAX_TEXT
    return None if fits else f"must be text of at most {MAX_TEXT} characters"


def _labels(value: Any) -> str | None:
    fits = isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    return None if fits else "must be an object of texts"


def _one_of(value: Any, known: tuple[str, ...]) -> str | None:
    return None if value in known else f"must be one of {', '.join(known)}"
