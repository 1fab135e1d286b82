"""Comparisons and tests of templates: charged by how much there is to look at, before they look."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from jinja2 import TemplateError, pass_context
from jinja2.runtime import Context
from jinja2.utils import _PassArg

from orders_app.sandbox.budget import LISTS, Budget, budget_of
from orders_app.sandbox.texts import check_arguments

# Comparing texts is quick.
_CHARACTERS_PER_STEP = 1024
_NESTS: Any = (*LISTS, dict)
_SEARCHED_THROUGH: Any = (*LISTS, range)
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
    "in": lambda item, items: item in items,
    "notin": lambda item, items: item not in items,
}
_COMPARING_TESTS = frozenset(
    (
        "eq",
        "equalto",
        "==",
        "ne",
        "!=",
        "gt",
        "greaterthan",
        ">",
        "ge",
        ">=",
        "lt",
        "lessthan",
        "<",
        "le",
        "<=",
    )
)


@pass_context
def compared(context: Context, left: Any, *rest: Any) -> Any:
    """`left op right op right …`, as Python chains them."""
    budget, result = budget_of(context), True
    for name, right in zip(rest[::2], rest[1::2], strict=True):
        if name not in _COMPARISONS:
            raise TemplateError("this is no comparison")
        _charge(budget, left, right, searches=name in ("in", "notin"))
        result = _COMPARISONS[name](left, right)
        if not result:
            return result
        left = right
    return result


def counted_test(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    wants = _PassArg.from_obj(plain)

    @pass_context
    def counted(context: Context, value: Any, *args: Any, **named: Any) -> Any:
        budget = budget_of(context)
        if name == "in" or name in _COMPARING_TESTS:
            for other in (*args, *named.values()):
                _charge(budget, value, other, searches=name == "in")
        else:
            _charge_text(budget, value)
        first = {_PassArg.context: (context,), _PassArg.eval_context: (context.eval_ctx,)}
        passed: tuple[Any, ...] = first.get(wants, (context.environment,)) if wants else ()
        return plain(*passed, value, *args, **named)

    return counted


def _charge(budget: Budget, left: Any, right: Any, *, searches: bool) -> None:
    _charge_text(budget, left)
    _charge_text(budget, right)
    if searches:
        _charge_search(budget, left, right)
    elif isinstance(left, _NESTS) and isinstance(right, _NESTS):
        budget.weigh(left)
        budget.weigh(right)


def _charge_search(budget: Budget, item: Any, items: Any) -> None:
    if isinstance(items, str):
        check_arguments((item,))
        return
    if isinstance(items, _SEARCHED_THROUGH):
        budget.charge(len(items))
    if isinstance(item, _NESTS):
        budget.weigh(item)
        budget.weigh(items)


def _charge_text(budget: Budget, value: Any) -> None:
    budget.charge(1 + (len(value) // _CHARACTERS_PER_STEP if isinstance(value, str) else 0))
