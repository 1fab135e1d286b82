"""Jinja, sandboxed and bounded. Pure.

No attribute of Python's own is reachable, and a template that works or grows without end is stopped while it renders:
see `orders_app.sandbox`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.environment import Template

from orders_app.sandbox.budget import KEY, MAX_SECONDS, MAX_STEPS, MAX_TEXT, Budget, RenderError
from orders_app.sandbox.environment import Environment

__all__ = [
    "MAX_SECONDS",
    "MAX_STEPS",
    "MAX_TEMPLATE",
    "MAX_TEXT",
    "RenderError",
    "check_template",
    "render_text",
]
MAX_TEMPLATE = 16 * 1024
_environment = Environment()


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Template:
    if len(text) > MAX_TEMPLATE:
        raise RenderError(f"it is longer than {MAX_TEMPLATE} characters")
    try:
        return _environment.from_string(text)
    except TemplateError as error:
        raise RenderError(f"{error.message} (line {getattr(error, 'lineno', 1)})") from None
    except (
        Exception
    ) as error:  # nested too deep for Jinja's compiler or Python's, a number of too many digits
        raise RenderError(f"it is too deeply nested or too large: {_words(error)}") from None


def check_template(text: str) -> None:
    """Raise RenderError where the text is no template."""
    _compiled(text)


def render_text(text: str, context: Mapping[str, Any], budget: Budget | None = None) -> str:
    """The rendered text, at most 64 KiB. Texts that belong together share a budget."""
    budget = budget or Budget()
    template, parts, size = _compiled(text), [], 0
    try:
        for part in template.generate({**context, KEY: budget}):
            size += len(part)
            budget.fits(size)
            parts.append(part)
    except RenderError:
        raise
    except Exception as error:  # a template may raise whatever its data provokes; all of it is the template's
        raise RenderError(_words(error)) from None
    return "".join(parts)


def _words(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__


@lru_cache(maxsize=1024)
def names_read(text: str) -> frozenset[str]:
    """Every variable, attribute and key that the template mentions, in lower case."""
    found: set[str] = set()
    for node in _environment.parse(text).find_all((nodes.Name, nodes.Getattr, nodes.Const)):
        value = {"Name": "name", "Getattr": "attr", "Const": "value"}[type(node).__name__]
        found.add(str(getattr(node, value)).lower())
    return frozenset(found)
