"""What rules and quotas name that other apps hold: providers and chains.

Whoever holds them lists a check in its `parts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from acteon_site.base.errors import FieldProblem
from acteon_site.base.registry import Hook, Registry

# A field (a dotted path as in `parse_rule`), and the section and name of what it names.
Named = tuple[str, str, str]
CHECKS: Registry[Hook[Callable[[Sequence[Named]], list[FieldProblem]]]] = Registry("check of names")


def reference_problems(named: Sequence[Named]) -> list[FieldProblem]:
    """Those of the names that lead nowhere."""
    return [problem for check in CHECKS.values() for problem in check.call(named)]
