"""What rules and quotas name that other apps hold: providers, chains, the fields that lifecycles declare.

Whoever holds them lists a check in its `parts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.base.registry import Hook, Registry
from rules_app.checking import Schema
from rules_app.testing import Declared

# A field (a dotted path as in `parse_rule`), and the section and name of what it names.
Named = tuple[str, str, str]
CHECKS: Registry[Hook[Callable[[Sequence[Named]], list[FieldProblem]]]] = Registry("check of names")
# By the section of a configuration: the names to offer where a rule's setting names a row of it.
NAMES: Registry[Hook[Callable[[], list[str]]]] = Registry("section's names")


def reference_problems(named: Sequence[Named]) -> list[FieldProblem]:
    """Those of the names that lead nowhere."""
    return [problem for check in CHECKS.values() for problem in check.call(named)]


# What lifecycles declare of payloads, from their specs. Listed by whoever has the lifecycles.
SCHEMAS: Registry[Hook[Callable[[Iterable[Mapping[str, Any]]], list[Schema]]]] = Registry("reader of schemas")


def schemas_declared(lifecycles: Iterable[Mapping[str, Any]]) -> list[Schema]:
    specs = list(lifecycles)
    return [schema for hook in SCHEMAS.values() for schema in hook.call(specs)]


# What dispatch asks of lifecycles, from their specs alone: for tests of rules, which have no database.
DECLARED: Registry[Hook[Callable[[Iterable[Mapping[str, Any]]], Declared]]] = Registry("judge of payloads")


def declared_by(lifecycles: Iterable[Mapping[str, Any]]) -> Declared | None:
    specs = list(lifecycles)
    return next((hook.call(specs) for hook in DECLARED.values()), None)
