"""What rules and quotas name that other apps hold: providers, chains, the fields that lifecycles declare.

Whoever holds them lists a check in its `parts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from acteon_site.base.errors import FieldProblem
from acteon_site.base.registry import Hook, Registry
from rules_app.checking import Schema
from rules_app.engine import Rule
from rules_app.engine.known_fields import KnownField
from rules_app.testing import Declared

# A field (a dotted path as in `parse_rule`), and the section and name of what it names.
Named = tuple[str, str, str]
CHECKS: Registry[Hook[Callable[[Sequence[Named]], list[FieldProblem]]]] = Registry("check of names")
# By the section of a configuration: the names to offer where a rule's setting names a row of it.
NAMES: Registry[Hook[Callable[[], list[str]]]] = Registry("section's names")


# What else stands in the way of a rule that a person edits, told by who holds what it meets.
RULE_CHECKS: Registry[Hook[Callable[[Rule], list[FieldProblem]]]] = Registry("check of rules")


def reference_problems(named: Sequence[Named]) -> list[FieldProblem]:
    """Those of the names that lead nowhere."""
    return [problem for check in CHECKS.values() for problem in check.call(named)]


class DeclaredFields(Declared, Protocol):
    """What a set of lifecycles declares: for tests of rules, for the check, and for the builder."""

    def schemas(self) -> list[Schema]:
        """In the terms of the check, one for each lifecycle."""

    def fields(self) -> list[KnownField]:
        """To offer where conditions are built, each path once: as the first that names it says."""


class Lifecycles(Protocol):
    """`name` is that of the entry in the table."""

    name: str

    def of(self, specs: Iterable[Mapping[str, Any]]) -> DeclaredFields:
        """Those of a configuration, without a database; a spec that does not parse declares nothing."""

    def in_force(self) -> DeclaredFields:
        """Those that dispatch goes by now."""


# Listed by whoever has the lifecycles.
LIFECYCLES: Registry[Lifecycles] = Registry("lifecycles")


def declared_by(lifecycles: Iterable[Mapping[str, Any]]) -> DeclaredFields | None:
    specs = list(lifecycles)
    return next((one.of(specs) for one in LIFECYCLES.values()), None)


def schemas_declared(lifecycles: Iterable[Mapping[str, Any]]) -> list[Schema]:
    declared = declared_by(lifecycles)
    return declared.schemas() if declared else []


def fields_declared() -> list[KnownField]:
    """By the lifecycles in force: fields whose payloads are checked before rules see them."""
    return [field for one in LIFECYCLES.values() for field in one.in_force().fields()]
