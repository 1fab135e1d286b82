"""Jinja, sandboxed and bounded. Pure.

No attribute of Python's own is reachable, ranges and output are bounded, and a template that multiplies text
without end is stopped at the size bound while it renders.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.environment import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_TEXT = 64 * 1024
MAX_TEMPLATE = 16 * 1024
MAX_SECONDS = 0.5
MAX_REPEAT = 10_000


class RenderError(ValueError):
    """A template that does not parse, reads what is not there, or grows or lasts too long."""


class _Environment(ImmutableSandboxedEnvironment):
    """Arithmetic that could build huge values from small templates is intercepted."""

    intercepted_binops = frozenset({"*", "**", "+"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or _too_big(operator, left, right):
            raise TemplateError("the result is too large")
        return super().call_binop(context, operator, left, right)


def _too_big(operator: str, left: Any, right: Any) -> bool:
    if operator == "*":
        for many, what in ((left, right), (right, left)):
            if isinstance(many, int) and hasattr(what, "__len__") and many * len(what) > MAX_TEXT:
                return True
        return (
            isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > 4096
        )
    sized = hasattr(left, "__len__") and hasattr(right, "__len__")
    return sized and len(left) + len(right) > MAX_TEXT


_environment = _Environment(autoescape=False)
_environment.globals = {"range": _environment.globals["range"]}
for _name in ("center", "indent", "format", "xmlattr", "pprint", "wordwrap", "batch", "slice"):
    # Their widths and counts would escape the bounds above.
    _environment.filters.pop(_name)


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Template:
    if len(text) > MAX_TEMPLATE:
        raise RenderError(f"it is longer than {MAX_TEMPLATE} characters")
    try:
        return _environment.from_string(text)
    except TemplateError as error:
        raise RenderError(f"{error.message} (line {getattr(error, 'lineno', 1)})") from None


def check_template(text: str) -> None:
    """Raise RenderError where the text is no template."""
    _compiled(text)


def render_text(text: str, context: Mapping[str, Any]) -> str:
    """The rendered text, at most 64 KiB, within half a second."""
    template, parts, size = _compiled(text), [], 0
    ends = time.monotonic() + MAX_SECONDS
    try:
        for part in template.generate(**context):
            size += len(part)
            if size > MAX_TEXT:
                raise RenderError(f"the result is longer than {MAX_TEXT} characters")
            if time.monotonic() > ends:
                raise RenderError(f"it takes longer than {MAX_SECONDS} s")
            parts.append(part)
    except RenderError:
        raise
    except Exception as error:  # a template may raise whatever its data provokes; all of it is the template's
        raise RenderError(str(error)[:200] or type(error).__name__) from None
    return "".join(parts)


@lru_cache(maxsize=1024)
def names_read(text: str) -> frozenset[str]:
    """Every variable, attribute and key that the template mentions, in lower case."""
    found: set[str] = set()
    for node in _environment.parse(text).find_all((nodes.Name, nodes.Getattr, nodes.Const)):
        value = {"Name": "name", "Getattr": "attr", "Const": "value"}[type(node).__name__]
        found.add(str(getattr(node, value)).lower())
    return frozenset(found)
