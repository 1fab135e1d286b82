"""What a quota says, as clients and files write it and as answers show it. Pure.

`window` is hourly, daily, weekly, monthly, seconds (number or text) or `{"custom": {"seconds": n}}`;
`overage_behavior` is block, warn, `degrade:<provider>`, `notify:<target>` or
`{"degrade": {"fallback_provider": …}}`, `{"notify": {"target": …}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import name_problem
from rules_app.engine.actions.settings import CENTURY_SECONDS
from rules_app.engine.scope import kind_of
from rules_app.engine.suggest import unknown
from rules_app.engine.values import text_problem

CALENDAR_WINDOWS = ("hourly", "daily", "weekly", "monthly")
OVERAGES = ("block", "warn", "degrade", "notify")
TARGET_KEYS = {"degrade": "fallback_provider", "notify": "target"}
MAX_ACTIONS = 10**15
MAX_PRINCIPAL = 200
MAX_DESCRIPTION = 2_000
KEYS = (
    "namespace",
    "tenant",
    "provider",
    "principal",
    "per_principal",
    "max_actions",
    "window",
    "overage_behavior",
    "enabled",
    "description",
    "labels",
)
Spec = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QuotaTerms:
    """A checked quota; the field names are those of the row. `window_seconds` goes with a custom window."""

    namespace: str
    tenant: str
    max_actions: int
    window: str
    window_seconds: int | None = None
    overage: str = "block"
    overage_target: str = ""
    provider: str = ""
    principal: str = ""
    per_principal: bool = False
    enabled: bool = True
    description: str = ""
    labels: dict[str, Any] = field(default_factory=dict)


def parse_quota(spec: Spec) -> tuple[QuotaTerms | None, list[FieldProblem]]:
    """The terms that `spec` describes, or None and every problem. Unknown keys are ignored (see KEYS)."""
    problems = [FieldProblem(name, found) for name, found in _plain_problems(spec)]
    window, seconds, problem = _window(spec.get("window"))
    problems += [FieldProblem("window", problem)] if problem else []
    overage, target, problem = _overage(spec.get("overage_behavior", "block"))
    problems += [FieldProblem("overage_behavior", problem)] if problem else []
    if problems:
        return None, problems
    return _terms(spec, window, seconds, overage, target), []


def window_text(window: str, seconds: int | None) -> str:
    """As answers spell it: the calendar window's name, or a custom window's seconds as text."""
    return window if window in CALENDAR_WINDOWS else str(seconds)


def overage_text(overage: str, target: str) -> str:
    return f"{overage}:{target}" if overage in TARGET_KEYS else overage


def _terms(spec: Spec, window: str, seconds: int | None, overage: str, target: str) -> QuotaTerms:
    return QuotaTerms(
        namespace=spec["namespace"],
        tenant=spec["tenant"],
        max_actions=spec["max_actions"],
        window=window,
        window_seconds=seconds,
        overage=overage,
        overage_target=target,
        provider=spec.get("provider") or "",
        principal=spec.get("principal") or "",
        per_principal=bool(spec.get("per_principal")),
        enabled=spec.get("enabled", True),
        description=spec.get("description") or "",
        labels=dict(spec.get("labels") or {}),
    )


def _plain_problems(spec: Spec) -> list[tuple[str, str]]:
    found = [
        ("namespace", _scope(spec.get("namespace"))),
        ("tenant", _scope(spec.get("tenant"))),
        ("max_actions", _count(spec.get("max_actions"))),
        ("provider", _optional_name(spec.get("provider"))),
        ("principal", _principal(spec.get("principal"))),
        ("per_principal", _flag(spec.get("per_principal", False))),
        ("enabled", _flag(spec.get("enabled", True))),
        ("description", _description(spec.get("description"))),
        ("labels", _labels(spec.get("labels"))),
    ]
    if spec.get("principal") and spec.get("per_principal") is True:
        found.append(("per_principal", "counts every caller on its own, so leave principal empty"))
    return [(name, problem) for name, problem in found if problem]


def _scope(value: Any) -> str | None:
    return "is required" if value is None else name_problem(value, colon_allowed=False)


def _count(value: Any) -> str | None:
    if value is None:
        return "is required"
    if isinstance(value, bool) or not isinstance(value, int):
        return f"must be a whole number, not {kind_of(value)}"
    return None if 1 <= value <= MAX_ACTIONS else f"must be from 1 to {MAX_ACTIONS}"


def _optional_name(value: Any) -> str | None:
    return None if value is None or value == "" else name_problem(value, colon_allowed=False)


def _principal(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return name_problem(value, longest=MAX_PRINCIPAL)


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"must be true or false, not {kind_of(value)}"


def _description(value: Any) -> str | None:
    if isinstance(value, str):
        return text_problem(value, MAX_DESCRIPTION)
    return None if value is None else f"must be text, not {kind_of(value)}"


def _labels(value: Any) -> str | None:
    """Clients read labels as texts by name."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return f"must be an object, not {kind_of(value)}"
    wrong = [key for key, text in value.items() if not (isinstance(key, str) and isinstance(text, str))]
    return f"must be an object of texts; {wrong[0]!r} is not" if wrong else None


def _window(value: Any) -> tuple[str, int | None, str | None]:
    """(window, seconds, problem)."""
    if value is None:
        return "", None, "is required"
    if isinstance(value, Mapping):
        custom = value.get("custom")
        value = custom.get("seconds") if isinstance(custom, Mapping) else None
        if value is None:
            return "", None, 'an object must be {"custom": {"seconds": n}}'
    if isinstance(value, str):
        if value in CALENDAR_WINDOWS:
            return value, None, None
        if not (value.isascii() and value.isdigit() and len(value) <= 12):
            return "", None, f"{unknown('window', value, CALENDAR_WINDOWS)}; or give seconds"
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return "", None, f"must be hourly, daily, weekly, monthly or seconds, not {kind_of(value)}"
    if not 1 <= value <= CENTURY_SECONDS:
        return "", None, f"must be from 1 to {CENTURY_SECONDS} seconds"
    return "custom", value, None


def _overage(value: Any) -> tuple[str, str, str | None]:
    """(overage, target, problem)."""
    if isinstance(value, Mapping) and len(value) == 1:
        kind, inner = next(iter(value.items()))
        target = inner.get(TARGET_KEYS.get(kind, "")) if isinstance(inner, Mapping) else None
        return _targeted(kind, target)
    if not isinstance(value, str):
        return "", "", f"must be block, warn, degrade:<provider> or notify:<target>, not {kind_of(value)}"
    kind, _, target = value.partition(":")
    return _targeted(kind, target or None)


def _targeted(kind: Any, target: Any) -> tuple[str, str, str | None]:
    if kind not in OVERAGES:
        return "", "", unknown("behaviour", kind, OVERAGES)
    if kind not in TARGET_KEYS:
        return kind, "", None if target is None else f"{kind} takes no target"
    if target is None:
        return "", "", f"needs its {TARGET_KEYS[kind]}, for example {kind}:email-service"
    problem = name_problem(target, colon_allowed=False)
    return (kind, target, None) if problem is None else ("", "", f"{TARGET_KEYS[kind]} {problem}")
