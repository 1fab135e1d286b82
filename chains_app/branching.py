"""Where a run goes after a step: the first branch that matches, else default_next, else the next step.

Values compare by type as in rules: 5 equals 5.0, "5" does not equal 5, a truth value is no number.
What a path does not find reads as null. Ordered operators on anything but two numbers or two texts are false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chains_app.definitions.model import Branch, Definition, Step
from chains_app.templating import MISSING, lookup


@dataclass(frozen=True, slots=True)
class Choice:
    """`target` is the next step's name, None at the end; `reason` is the trail's word for why."""

    target: str | None
    reason: str


def choose(definition: Definition, step: Step, *, body: Any, success: bool) -> Choice:
    """The way on after `step` answered `body` (None where it has no answer) or was skipped."""
    for branch in step.branches:
        if matches(branch, body=body, success=success):
            reason = f"branch {branch.field} {branch.operator}"
            return Choice(definition.resolve(branch.target), reason)
    return Choice(definition.next_name(step), "default_next" if step.default_next else "next")


def matches(branch: Branch, *, body: Any, success: bool = True) -> bool:
    found = read_field(branch.field, body=body, success=success)
    return OPERATIONS[branch.operator](found, branch.value)


def read_field(field: str, *, body: Any, success: bool) -> Any:
    """`success`, `body`, or a path below body such as `body.items[0].sku`; None where there is nothing."""
    found = lookup({"success": success, "body": body}, field)
    return None if found is MISSING else found


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool) and left == right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


def contains(container: Any, item: Any) -> bool:
    """Text within text, an element of a list, a key of an object; anything else is false."""
    if isinstance(container, str):
        return isinstance(item, str) and item in container
    if isinstance(container, (list, tuple)):
        return any(equal(element, item) for element in container)
    return isinstance(container, Mapping) and isinstance(item, str) and item in container


def comparable(left: Any, right: Any) -> bool:
    return (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: comparable(left, right) and compare(left, right)


OPERATIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": equal,
    "neq": lambda left, right: not equal(left, right),
    "contains": contains,
    "exists": lambda left, _: left is not None,
    "gt": _ordered(operator.gt),
    "lt": _ordered(operator.lt),
    "gte": _ordered(operator.ge),
    "lte": _ordered(operator.le),
}
