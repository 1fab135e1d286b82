"""The filters of templates: Jinja's, counted; those that could multiply, written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jinja2 import TemplateError, pass_context
from jinja2.filters import FILTERS as JINJAS
from jinja2.filters import make_attrgetter
from jinja2.runtime import Context, Undefined
from jinja2.utils import _PassArg

from acteon_site.base.money import money
from orders_app.sandbox import layout, sequences, texts
from orders_app.sandbox.budget import MAX_TEXT, Budget, budget_of

Filter = Callable[..., Any]
PLAIN = """
    abs attr capitalize count d default dictsort e escape filesizeformat first float forceescape groupby int items
    last length list lower map max min random reject rejectattr reverse safe select selectattr sort string striptags
    title trim truncate unique upper urlencode wordcount
""".split()  # noqa: SIM905 - names are read in rows
# These look at a text of any length without trouble.
_OF_ANY_LENGTH = frozenset(("count", "d", "default", "first", "last", "length", "string", "truncate"))
_MOST_DIGITS = 20
_MOST_INDENT = 8
_MOST_BITS = 4096
_MOST_PARTS = 16
# Where these take the attribute when it is not named.
_ATTRIBUTE_AT = {"sort": 2, "min": 1, "max": 1, "unique": 1, "groupby": 0, "selectattr": 0, "rejectattr": 0}


def filters() -> dict[str, Filter]:
    own: dict[str, Filter] = {
        "batch": sequences.batch,
        "bool": bool,
        "center": layout.center,
        "chain": sequences.chained,
        "format": layout.formatted,
        "indent": layout.indent,
        "join": _join,
        "lines": layout.lines,
        "money": _money,
        "pprint": layout.pprint,
        "replace": _replace,
        "round": _round,
        "slice": sequences.sliced,
        "split": layout.split,
        "sum": _sum,
        "tojson": _tojson,
        "zip": sequences.zipped,
    }
    return {name: _counted(name, JINJAS[name]) for name in PLAIN} | own


def _counted(name: str, plain: Filter) -> Filter:
    wants = _PassArg.from_obj(plain)

    @pass_context
    def counted(context: Context, value: Any, *args: Any, **named: Any) -> Any:
        budget = budget_of(context)
        _check_input(budget, name, value)
        if name not in ("d", "default"):
            texts.check_arguments((*args, *named.values()))
        position = _ATTRIBUTE_AT.get(name, len(args))
        for attribute in (*args[position : position + 1], named.get("attribute")):
            _check_attribute(attribute)
        first = {_PassArg.context: (context,), _PassArg.eval_context: (context.eval_ctx,)}
        passed = first.get(wants, (context.environment,)) if wants else ()
        result = plain(*passed, value, *args, **named)
        return value if result is value else _checked(budget, result)

    return counted


def _check_input(budget: Budget, name: str, value: Any) -> None:
    """Before the filter works: by how much there is to go through."""
    if isinstance(value, str):
        if name not in _OF_ANY_LENGTH:
            budget.fits(len(value))
        budget.charge()
    else:
        budget.charge(1 + (len(value) if hasattr(value, "__len__") else 0))


def _checked(budget: Budget, result: Any) -> Any:
    if isinstance(result, str):
        return budget.write(result)
    if isinstance(result, (list, tuple, dict)):
        budget.weigh(result)
        return result
    return budget.each(result) if isinstance(result, Iterator) else checked_number(result)


def checked_number(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise TemplateError(f"a number has more than {_MOST_BITS} bits")
    return value


def _check_attribute(attribute: Any) -> None:
    """Each part is looked up in each item."""
    if isinstance(attribute, str) and attribute.count(".") + attribute.count(",") >= _MOST_PARTS:
        raise TemplateError(f"an attribute has more than {_MOST_PARTS} parts")


@pass_context
def _join(context: Context, value: Any, d: Any = "", attribute: str | int | None = None) -> str:
    _check_attribute(attribute)
    if attribute is not None:
        value = map(make_attrgetter(context.environment, attribute), value)
    return texts.joined(budget_of(context), d, value)


@pass_context
def _money(context: Context, value: Any, currency: Any = None) -> str:
    """`{{ payload.total_cents | money(payload.currency) }}`; what is not there is shown as a dash."""
    given = [None if isinstance(one, Undefined) else one for one in (value, currency)]
    budget = budget_of(context)
    for one in given:
        budget.weigh(one, MAX_TEXT)
    checked_number(value)
    return budget.write(money(*given))


@pass_context
def _replace(context: Context, value: Any, old: Any, new: Any, count: int | None = None) -> str:
    budget = budget_of(context)
    budget.weigh(value, MAX_TEXT)
    return texts.replaced(budget, str(value), old, new, count)


@pass_context
def _round(context: Context, value: Any, precision: int = 0, method: str = "common") -> Any:
    if not isinstance(precision, int) or abs(precision) > _MOST_DIGITS:
        raise TemplateError(f"round takes at most {_MOST_DIGITS} digits")
    return JINJAS["round"](value, precision, method)


@pass_context
def _sum(context: Context, value: Any, attribute: str | int | None = None, start: Any = 0) -> Any:
    if not isinstance(start, (int, float)):
        raise TemplateError("sum adds numbers")
    _check_attribute(attribute)
    return checked_number(
        JINJAS["sum"](context.environment, budget_of(context).each(value), attribute, start)
    )


@pass_context
def _tojson(context: Context, value: Any, indent: int | None = None) -> Any:
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= _MOST_INDENT):
        raise TemplateError(f"tojson indents by at most {_MOST_INDENT}")
    budget = budget_of(context)
    if not isinstance(value, Undefined):
        budget.weigh(value, MAX_TEXT)
    return budget.write(JINJAS["tojson"](context.eval_ctx, value, indent))
