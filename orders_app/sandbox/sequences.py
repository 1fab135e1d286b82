"""Filters that take lists apart and put them together. Their lists are made at once, item by item on the budget."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any, TypeVar

from jinja2 import TemplateError, pass_context
from jinja2.runtime import Context

from orders_app.sandbox.budget import Budget, budget_of

T = TypeVar("T")
MOST_PARTS = 10_000


@pass_context
def batch(context: Context, value: Any, count: int, fill_with: Any = None) -> list[list[Any]]:
    """Lists of `count` items each, the last one filled up where `fill_with` is given."""
    budget, size = budget_of(context), whole("batch", count, least=1)
    items = list(budget.each(value))
    rows = [items[start : start + size] for start in range(0, len(items), size)]
    if rows and fill_with is not None:
        rows[-1] += [fill_with] * (size - len(rows[-1]))
    return weighed(budget, rows)


@pass_context
def sliced(context: Context, value: Any, count: int, fill_with: Any = None) -> list[list[Any]]:
    """`count` lists as even as can be, the longer ones first; `fill_with` makes them equal."""
    budget, slices = budget_of(context), whole("slice", count, least=1)
    items = list(budget.each(value))
    budget.charge(slices)
    size, longer = divmod(len(items), slices)
    begins = [number * size + min(number, longer) for number in range(slices + 1)]
    rows = [items[start:end] for start, end in pairwise(begins)]
    if fill_with is not None and longer:
        rows = [row if len(row) > size else [*row, fill_with] for row in rows]
    return weighed(budget, rows)


@pass_context
def zipped(context: Context, value: Any, *others: Any) -> list[list[Any]]:
    """The first items of all, the second ones, and so on, as far as the shortest goes."""
    budget = budget_of(context)
    columns = [list(budget.each(items)) for items in (value, *others)]
    return weighed(budget, [list(row) for row in zip(*columns, strict=False)])


@pass_context
def chained(context: Context, value: Any, *others: Any) -> Any:
    """One list after the other; objects become one object."""
    budget = budget_of(context)
    if all(isinstance(items, dict) for items in (value, *others)):
        budget.charge(sum(map(len, (value, *others))))
        return weighed(budget, {key: items[key] for items in (value, *others) for key in items})
    return weighed(budget, list(chain.from_iterable(budget.each(items) for items in (value, *others))))


def weighed(budget: Budget, made: T) -> T:
    budget.weigh(made)
    return made


def whole(name: str, number: Any, *, least: int = 0, most: int = MOST_PARTS) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise TemplateError(f"{name} takes a whole number from {least} to {most}")
    return number
