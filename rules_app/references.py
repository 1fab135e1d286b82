"""What rules name that other apps hold: providers and chains. Whoever holds them registers a check at start-up."""

from __future__ import annotations

from collections.abc import Callable

from acteon_site.base.errors import FieldProblem
from rules_app.engine import Rule

Check = Callable[[Rule], list[FieldProblem]]
_checks: list[Check] = []


def register(check: Check) -> None:
    if check not in _checks:
        _checks.append(check)


def reference_problems(rule: Rule) -> list[FieldProblem]:
    """Names in this rule that lead nowhere; fields are dotted paths as in `parse_rule`."""
    return [problem for check in _checks for problem in check(rule)]
