"""Filters that lay texts out: into lines and parts, indented, centred, formatted. None makes more than fits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jinja2 import TemplateError, pass_context
from jinja2.runtime import Context, Undefined

from orders_app.sandbox import texts
from orders_app.sandbox.budget import LISTS, MAX_TEXT, Budget, budget_of
from orders_app.sandbox.sequences import weighed, whole

_MOST_WIDTH = 1000
_MOST_DEEP = 64
_STEP = " " * 4


@pass_context
def formatted(context: Context, value: Any, *args: Any, **named: Any) -> str:
    """`"%s, %s"|format(a, b)`."""
    budget, text = budget_of(context), str(value)
    budget.fits(len(text))
    return texts.percent_formatted(budget, text, named or args)


@pass_context
def split(context: Context, value: Any, by: str | None = None, most: int | None = None) -> Any:
    """The parts between `by`, or the words; at most `most` cuts."""
    budget, text = budget_of(context), str(value)
    budget.fits(len(text))
    texts.check_arguments((by,))
    return weighed(budget, text.split(by, -1 if most is None else most))


@pass_context
def lines(context: Context, value: Any) -> Any:
    budget, text = budget_of(context), str(value)
    budget.fits(len(text))
    return weighed(
        budget, [line.removesuffix("\r") for line in _without_end(text).split("\n")] if text else []
    )


@pass_context
def indent(context: Context, value: Any, width: int = 4, first: bool = False, blank: bool = False) -> str:
    """Every line but the `first` set in by blanks; `blank`: empty ones too. A line feed at the end is left out."""
    budget, text = budget_of(context), str(value)
    budget.fits(len(text))
    head, *rest = _without_end(text).split("\n")
    budget.charge(len(rest))
    pad = " " * whole("indent", width, most=_MOST_WIDTH)
    budget.fits(len(text) + len(pad) * (len(rest) + 1))
    begin = pad if first and (head or blank) else ""
    return budget.write("\n".join([begin + head, *((pad if line or blank else "") + line for line in rest)]))


@pass_context
def center(context: Context, value: Any, width: int = 80) -> str:
    budget, text = budget_of(context), str(value)
    budget.fits(len(text))
    return budget.write(text.center(whole("center", width, most=_MOST_WIDTH)))


@pass_context
def pprint(context: Context, value: Any) -> str:
    """A value for people who look for what is wrong with it: one item a line."""
    budget, parts, size = budget_of(context), [], 0
    if isinstance(value, Iterator):
        value = list(budget.each(value))
    if not isinstance(value, Undefined):
        budget.weigh(value, MAX_TEXT)
    for part in _pretty(budget, value, ""):
        size += len(part)
        budget.fits(size)
        parts.append(part)
    return budget.write("".join(parts))


def _pretty(budget: Budget, value: Any, indented: str) -> Iterator[str]:
    budget.charge()
    if len(indented) > _MOST_DEEP * len(_STEP):
        raise TemplateError(f"pprint shows what is nested at most {_MOST_DEEP} deep")
    if isinstance(value, dict) and value:
        yield from _block("{}", ((f"{_word(key)}: ", item) for key, item in value.items()), budget, indented)
    elif isinstance(value, LISTS) and value:
        yield from _block("[]", (("", item) for item in value), budget, indented)
    else:
        yield _word(value)


def _block(ends: str, items: Iterator[tuple[str, Any]], budget: Budget, indented: str) -> Iterator[str]:
    yield ends[0] + "\n"
    for name, item in items:
        yield indented + _STEP + name
        yield from _pretty(budget, item, indented + _STEP)
        yield ",\n"
    yield indented + ends[1]


def _word(value: Any) -> str:
    if isinstance(value, Undefined):
        return "undefined"
    if isinstance(value, LISTS):
        return "[]"
    return "none" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
