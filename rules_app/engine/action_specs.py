"""Reads a rule's action: a table of types and of what each of their settings may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import name_problem
from rules_app.engine.actions import (
    Allow,
    Deduplicate,
    Deny,
    Modify,
    RequestApproval,
    Reroute,
    RuleAction,
    Schedule,
    StartChain,
    Suppress,
    Throttle,
)
from rules_app.engine.fields import names_country
from rules_app.engine.operands import norway, scalar_problem, text_problem
from rules_app.engine.scope import kind_of
from rules_app.engine.suggest import unknown

CENTURY_SECONDS = 100 * 366 * 86_400  # beyond it, due times leave the calendar
MAX_THROTTLE_COUNT = 10_000  # a throttle remembers each accepted moment of its window
MAX_MESSAGE = 2_000
MAX_CHANGES_DEPTH = 32
MAX_KEY = 500
Problems = list[FieldProblem]
UNSUPPORTED = ("group", "state_machine")
TYPE_SYNONYMS = {
    "block": "deny",
    "reject": "deny",
    "drop": "suppress",
    "dedup": "deduplicate",
    "dedupe": "deduplicate",
    "approval": "request_approval",
    "require_approval": "request_approval",
    "approve": "request_approval",
    "rate_limit": "throttle",
    "delay": "schedule",
    "route": "reroute",
    "start_chain": "chain",
    "execute": "allow",
    "patch": "modify",
}


def _name(value: Any) -> str | None:
    if isinstance(value, bool):
        return f"must be text: {norway(value)}"
    return name_problem(value)


def _provider(value: Any) -> str | None:
    return _name(value) or name_problem(value, colon_allowed=False)


def _whole(high: int) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be a whole number, not {kind_of(value)}"
        return None if 1 <= value <= high else f"must be from 1 to {high}"

    return check


def _message(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be text, not {kind_of(value)}"
    return text_problem(value, MAX_MESSAGE)


def _changes(value: Any) -> str | None:
    if not isinstance(value, Mapping) or not value:
        return "must be an object of payload fields and their new values (null removes a field)"
    return _json_problem(value, "", 1)


def _json_problem(value: Any, path: str, depth: int) -> str | None:
    if depth > MAX_CHANGES_DEPTH:
        return f"is nested deeper than {MAX_CHANGES_DEPTH} levels"
    if isinstance(value, Mapping):
        return _members_problem(value, path, depth)
    if isinstance(value, list | tuple):
        problems = (_json_problem(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value))
        return next((problem for problem in problems if problem), None)
    if isinstance(value, float) and not math.isfinite(value):
        return f"{path} must be a finite number"
    if isinstance(value, bool) and names_country(path):
        return f"{path} is {str(value).lower()}: {norway(value)}"
    problem = None if value is None else scalar_problem(value)
    return f"{path} {problem}" if problem else None


def _members_problem(value: Mapping[Any, Any], path: str, depth: int) -> str | None:
    for key, item in value.items():
        if not isinstance(key, str):
            return f"{path} has the key {key!r}, which is not text; quote it"
        if problem := text_problem(key, MAX_KEY):
            return f"a key in {path or 'changes'} {problem}"
        problem = _json_problem(item, f"{path}.{key}" if path else key, depth + 1)
        if problem:
            return problem
    return None


@dataclass(frozen=True, slots=True)
class _Setting:
    name: str
    problem: Callable[[Any], str | None]
    required: bool = True


_seconds = _whole(CENTURY_SECONDS)
_TYPES: dict[str, tuple[type[Any], tuple[_Setting, ...]]] = {
    "deny": (Deny, ()),
    "suppress": (Suppress, ()),
    "allow": (Allow, ()),
    "reroute": (Reroute, (_Setting("target_provider", _provider),)),
    "request_approval": (
        RequestApproval,
        (
            _Setting("notify_provider", _provider),
            _Setting("timeout_seconds", _seconds, required=False),
            _Setting("message", _message, required=False),
        ),
    ),
    "schedule": (Schedule, (_Setting("delay_seconds", _seconds),)),
    "chain": (StartChain, (_Setting("chain", _name),)),
    "deduplicate": (Deduplicate, (_Setting("ttl_seconds", _seconds),)),
    "throttle": (
        Throttle,
        (_Setting("max_count", _whole(MAX_THROTTLE_COUNT)), _Setting("window_seconds", _seconds)),
    ),
    "modify": (Modify, (_Setting("changes", _changes),)),
}
ACTION_TYPES = tuple(_TYPES)


def parse_action(spec: Any, path: str, problems: Problems) -> RuleAction | None:
    """The action that `spec` describes, or None with its problems appended."""
    before = len(problems)
    kind = _type_of(spec, path, problems)
    if kind is None:
        return None
    made, settings = _TYPES[kind]
    _check_keys(spec, settings, path, problems)
    for setting in settings:
        _check_setting(spec, setting, path, problems)
    if len(problems) > before:
        return None
    action: RuleAction = made(**{one.name: spec[one.name] for one in settings if one.name in spec})
    return action


def _type_of(spec: Any, path: str, problems: Problems) -> str | None:
    if not isinstance(spec, Mapping):
        problems.append(FieldProblem(path, "must be an object with a type, for example type: deny"))
        return None
    kind = spec.get("type")
    if isinstance(kind, str) and kind in _TYPES:
        return kind
    problems.append(FieldProblem(f"{path}.type", _type_problem(kind, "type" in spec)))
    return None


def _type_problem(kind: Any, given: bool) -> str:
    if not given:
        return f"is missing; one of {', '.join(ACTION_TYPES)}"
    if kind in UNSUPPORTED:
        return f"'{kind}' rules are not supported by this gateway"
    return unknown("action type", kind, ACTION_TYPES, TYPE_SYNONYMS)


def _check_keys(
    spec: Mapping[str, Any], settings: tuple[_Setting, ...], path: str, problems: Problems
) -> None:
    known = ["type", *(setting.name for setting in settings)]
    for key in spec:
        if key not in known:
            problems.append(FieldProblem(f"{path}.{key}", unknown("setting", key, known)))


def _check_setting(spec: Mapping[str, Any], setting: _Setting, path: str, problems: Problems) -> None:
    if setting.name not in spec:
        if setting.required:
            problems.append(FieldProblem(f"{path}.{setting.name}", "is missing"))
        return
    problem = setting.problem(spec[setting.name])
    if problem:
        problems.append(FieldProblem(f"{path}.{setting.name}", problem))
