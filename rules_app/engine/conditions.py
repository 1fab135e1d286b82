"""Conditions: `all`, `any`, `not`, or a `field` with exactly one operator; parsed once into closures.

Every test is total: it never raises and depends on nothing but the scope, so the order of clauses never
changes a result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from acteon_site.base.errors import FieldProblem
from rules_app.engine.fields import Field, parse_field
from rules_app.engine.operators.base import NUMBER, Operator
from rules_app.engine.operators.registry import OPERATORS, SYNONYMS
from rules_app.engine.scope import Scope, kind_of
from rules_app.engine.suggest import unknown

MAX_DEPTH = 16
MAX_CLAUSES = 500
GROUPS = ("all", "any", "not")
KNOWN_KEYS = (*GROUPS, "field", *OPERATORS)
KEY_SYNONYMS = {**SYNONYMS, "and": "all", "or": "any"}
Problems = list[FieldProblem]


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    field: Field
    operator: Operator
    operand: Any

    def note(self, scope: Scope) -> str | None:
        """Why this clause could not really compare, or None. Names types, never values."""
        return self.operator.note(self.field.path, self.operand, self.field.get(scope))


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A parsed condition. `test(scope)` is the fast path; the rest is for people."""

    test: Callable[[Scope], bool]
    text: str
    group: str = ""
    children: tuple[Condition, ...] = ()
    leaf: Leaf | None = None

    def leaves(self) -> Iterator[Leaf]:
        if self.leaf:
            yield self.leaf
        for child in self.children:
            yield from child.leaves()

    def fields(self) -> frozenset[str]:
        """The paths that the condition looks at."""
        return frozenset(leaf.field.path for leaf in self.leaves())

    def notes(self, scope: Scope) -> list[str]:
        """One sentence per clause that met a missing or mistyped value."""
        return [note for leaf in self.leaves() if (note := leaf.note(scope))]


def parse_condition(spec: Any, path: str, problems: Problems) -> Condition | None:
    """The condition that `spec` (the guide's YAML shape) describes, or None with its problems appended."""
    return _Parser(problems).parse(spec, path, 1)


@dataclass
class _Parser:
    problems: Problems
    clauses: int = field(default=0)

    def parse(self, spec: Any, path: str, depth: int) -> Condition | None:
        self.clauses += 1
        if depth > MAX_DEPTH:
            self._refuse(path, f"is nested deeper than {MAX_DEPTH} levels")
            return None
        if self.clauses > MAX_CLAUSES:
            self._refuse(path, f"the condition has more than {MAX_CLAUSES} clauses")
            return None
        if not isinstance(spec, Mapping):
            shape = "must be all, any or not, or a field with one operator"
            self._refuse(path, f"{shape}; this is {kind_of(spec)}")
            return None
        strange = [key for key in spec if key not in KNOWN_KEYS]
        if strange:
            self._refuse_keys(strange, path)
            return None
        groups = [key for key in GROUPS if key in spec]
        return self._group(spec, groups, path, depth) if groups else self._leaf(spec, path)

    def _refuse(self, path: str, message: str) -> None:
        self.problems.append(FieldProblem(path, message))

    def _refuse_keys(self, strange: list[Any], path: str) -> None:
        for key in strange:
            if key in ("operator", "op", "value"):
                message = "write the operator itself as the key, for example gte: 50000"
            else:
                message = unknown("operator or key", key, KNOWN_KEYS, KEY_SYNONYMS)
            self._refuse(f"{path}.{key}", message)

    def _group(self, spec: Mapping[str, Any], groups: list[str], path: str, depth: int) -> Condition | None:
        if len(spec) > 1:
            extra = next(key for key in spec if key != groups[0])
            self._refuse(f"{path}.{extra}", f"stands beside '{groups[0]}'; nest one inside the other")
            return None
        group, inner = groups[0], spec[groups[0]]
        if group == "not":
            child = self.parse(inner, f"{path}.not", depth + 1)
            return child and _negate(child)
        return self._list(group, inner, f"{path}.{group}", depth)

    def _list(self, group: str, inner: Any, path: str, depth: int) -> Condition | None:
        if not isinstance(inner, list | tuple) or not inner:
            self._refuse(path, "must be a list with at least one condition")
            return None
        children: list[Condition] = []
        for index, item in enumerate(inner):
            if self.clauses > MAX_CLAUSES:
                return None
            child = self.parse(item, f"{path}[{index}]", depth + 1)
            if child:
                children.append(child)
        return _join(group, tuple(children)) if len(children) == len(inner) else None

    def _leaf(self, spec: Mapping[str, Any], path: str) -> Condition | None:
        found = self._field(spec, path)
        names = [key for key in spec if key != "field"]
        if len(names) != 1:
            self._refuse(path, _operator_count(names))
            return None
        if found is None:
            return None
        chosen, operand = OPERATORS[names[0]], spec[names[0]]
        problem = chosen.problem(operand, found) or _counter_problem(chosen, found)
        if problem:
            self._refuse(f"{path}.{names[0]}", problem)
            return None
        return _leaf_condition(Leaf(found, chosen, list(operand) if isinstance(operand, tuple) else operand))

    def _field(self, spec: Mapping[str, Any], path: str) -> Field | None:
        if "field" not in spec:
            self._refuse(f"{path}.field", "is missing: name what the operator looks at")
            return None
        found = parse_field(spec["field"])
        if isinstance(found, Field):
            return found
        self._refuse(f"{path}.field", found)
        return None


def _counter_problem(chosen: Operator, field: Field) -> str | None:
    if not field.counter or NUMBER in chosen.kinds:
        return None
    return f"works on text, but {field.path} is a number; compare it with gte, lt or eq"


def _operator_count(names: list[str]) -> str:
    if not names:
        return "has no operator; add one, for example eq: 'place_order'"
    return f"has {len(names)} operators ({', '.join(names)}); put each in a clause of its own under all"


def _leaf_condition(leaf: Leaf) -> Condition:
    get, fits = leaf.field.get, leaf.operator.build(leaf.operand)
    text = leaf.operator.text(leaf.field.path, leaf.operand)
    return Condition(lambda scope: fits(get(scope)), text, leaf=leaf)


def _negate(child: Condition) -> Condition:
    test = child.test
    return Condition(lambda scope: not test(scope), f"not ({child.text})", "not", (child,))


def _join(group: str, children: tuple[Condition, ...]) -> Condition:
    if len(children) == 1:
        return children[0]
    tests = tuple(child.test for child in children)
    test = _all_of(tests) if group == "all" else _any_of(tests)
    word = " and " if group == "all" else " or "
    return Condition(test, word.join(_nested(child) for child in children), group, children)


def _nested(child: Condition) -> str:
    return f"({child.text})" if child.group in ("all", "any") else child.text


def _all_of(tests: tuple[Callable[[Scope], bool], ...]) -> Callable[[Scope], bool]:
    def test(scope: Scope) -> bool:
        for one in tests:  # noqa: SIM110 - a generator would double the cost of the hot path
            if not one(scope):
                return False
        return True

    return test


def _any_of(tests: tuple[Callable[[Scope], bool], ...]) -> Callable[[Scope], bool]:
    def test(scope: Scope) -> bool:
        for one in tests:  # noqa: SIM110 - a generator would double the cost of the hot path
            if one(scope):
                return True
        return False

    return test
