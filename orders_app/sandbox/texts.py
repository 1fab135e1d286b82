"""Texts in templates: their methods, and the two ways to format. None makes more than fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from string import Formatter
from typing import Any

from jinja2 import TemplateError

from orders_app.sandbox.budget import MAX_TEXT, MAX_WRITTEN, Budget

# The searches from the right are left out: Python's take quadratic time.
_NAMES = """
    capitalize casefold count endswith find format format_map index isalnum isalpha isdecimal isdigit islower
    isnumeric isspace istitle isupper join lower lstrip partition removeprefix removesuffix replace rstrip split
    splitlines startswith strip swapcase title upper
""".split()  # noqa: SIM905 - names are read in rows
METHODS = frozenset(_NAMES)
MAX_ARGUMENT = 4096
_LARGE_WIDTH = re.compile(r"\d{4}|\{")
# After the sign itself, and after a name in parentheses, which may hold parentheses of its own.
_LARGE_PERCENT = re.compile(r"%[-#0 +]*\d*\.?(?:\*|\d{4})")
_LARGE_NAMED = re.compile(r"\)[-#0 +]*\d*\.?(?:\*|\d{4})")


def owner_of(method: Any) -> str | None:
    """The text whose method this is. Jinja wraps `format`."""
    owner = getattr(getattr(method, "__wrapped__", method), "__self__", None)
    return owner if isinstance(owner, str) else None


def text_method(budget: Budget, text: str, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """What `text.method(…)` answers."""
    name = method.__name__
    if name == "join":
        return joined(budget, text, *args, **named)
    budget.fits(len(text))
    budget.weigh((args, named), MAX_TEXT)
    if name == "replace":
        return replaced(budget, text, *args, **named)
    if name in ("format", "format_map"):
        check_format(budget, text, (args, named))
    else:
        check_arguments(args)
    result = method(*args, **named)
    return budget.write(result) if isinstance(result, str) else counted(budget, result)


def counted(budget: Budget, result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        budget.charge(len(result))
    return result


def check_arguments(args: Any) -> None:
    """Some searches take time by both lengths."""
    if any(isinstance(one, str) and len(one) > MAX_ARGUMENT for one in args):
        raise TemplateError(f"an argument is longer than {MAX_ARGUMENT} characters")


def joined(budget: Budget, separator: Any, items: Any) -> str:
    glue, parts, size = str(separator), [], 0
    for item in budget.each(items):
        budget.weigh(item, MAX_TEXT)
        parts.append(str(item))
        size += len(parts[-1]) + len(glue)
        budget.fits(size - len(glue))
    return budget.write(glue.join(parts))


def replaced(budget: Budget, text: str, old: Any, new: Any, count: Any = None) -> str:
    old, new = str(old), str(new)
    check_arguments((old,))
    times = text.count(old) if count is None or count < 0 else min(count, text.count(old))
    budget.fits(len(text) + times * (len(new) - len(old)))
    return budget.write(text.replace(old, new, times))


def check_format(budget: Budget, text: str, values: Any) -> None:
    """Refuse widths of four digits, computed ones, and values that are asked for too often."""
    fields = [spec or "" for _, name, spec, _ in Formatter().parse(text) if name is not None]
    if any(_LARGE_WIDTH.search(spec) for spec in fields):
        raise TemplateError("a format with such widths is not available")
    _check_repeats(budget, len(fields), values)


def percent_formatted(budget: Budget, text: str, values: Any) -> str:
    if _LARGE_PERCENT.search(text) or ("%(" in text and _LARGE_NAMED.search(text)):
        raise TemplateError("a format with such widths is not available")
    _check_repeats(budget, text.count("%"), values)
    return budget.write(text % values)


def _check_repeats(budget: Budget, fields: int, values: Any) -> None:
    if fields * (budget.weigh(values, MAX_TEXT) + 1000) > MAX_WRITTEN:
        raise TemplateError("a format with so many fields of such length is not available")
