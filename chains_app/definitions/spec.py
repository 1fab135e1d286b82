"""Writing a Definition back as a specification: what parse_definition reads as the same Definition."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any

from chains_app.definitions.model import (
    Branch,
    Compensate,
    Definition,
    Notice,
    Step,
    Trigger,
)
from chains_app.definitions.retry import Retry
from chains_app.definitions.step_kinds.parallel import Parallel
from chains_app.definitions.step_kinds.timer import Timer
from chains_app.definitions.step_kinds.wait_for_signal import WaitForSignal

Part = Branch | Compensate | Definition | Notice | Parallel | Retry | Step | Timer | Trigger | WaitForSignal
# Derived when read, or never to be left out.
DERIVED = frozenset({"kind"})
ALWAYS = frozenset({"max_retries", "value"})


def to_spec(part: Part) -> dict[str, Any]:
    """The shortest specification: what has its default value is left out."""
    return {
        item.name: _plain(value)
        for item in fields(part)
        if item.name not in DERIVED
        and ((value := getattr(part, item.name)) != _default(item) or item.name in ALWAYS)
        and not (isinstance(part, Branch) and item.name == "value" and part.operator == "exists")
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return to_spec(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _default(item: Field[Any]) -> Any:
    if item.default is not MISSING:
        return item.default
    return item.default_factory() if item.default_factory is not MISSING else MISSING
