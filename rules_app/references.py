"""What rules name that other apps hold: providers and chains. Whoever holds them lists a check in its `parts.py`."""

from __future__ import annotations

from collections.abc import Callable

from acteon_site.base.errors import FieldProblem
from acteon_site.base.registry import Hook, Registry
from rules_app.engine import Rule

CHECKS: Registry[Hook[Callable[[Rule], list[FieldProblem]]]] = Registry("check of rules")


def reference_problems(rule: Rule) -> list[FieldProblem]:
    """Names in this rule that lead nowhere; fields are dotted paths as in `parse_rule`."""
    return [problem for check in CHECKS.values() for problem in check.call(rule)]
