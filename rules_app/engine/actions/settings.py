"""The types of settings that actions share: each is annotated with the check of what a rule file says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, get_type_hints

from acteon_site.base.names import name_problem
from rules_app.engine.scope import kind_of
from rules_app.engine.values import country_hint, text_problem

CENTURY_SECONDS = 100 * 366 * 86_400  # beyond it, due times leave the calendar
MAX_MESSAGE = 2_000
MAX_AMOUNT = 10**15


@dataclass(frozen=True, slots=True)
class Setting:
    """`problem` says what is wrong with a value, or None; `section` is set where the value names a row there.

    `kind` ∈ text, count, seconds, fields, object: how the value is asked for.
    """

    problem: Callable[[Any], str | None]
    section: str = ""
    kind: str = "text"


@cache
def settings_of(action: type[Any]) -> Mapping[str, Setting]:
    """The settings of an action by their names."""
    hints = get_type_hints(action, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(action)}


def whole_number(high: int, kind: str = "count") -> Setting:
    """A setting from 1 to `high`."""

    def problem(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be a whole number, not {kind_of(value)}"
        return None if 1 <= value <= high else f"must be from 1 to {high}"

    return Setting(problem, kind=kind)


def _chain_problem(value: Any) -> str | None:
    if isinstance(value, bool):
        return f"must be text: {country_hint(value)}"
    return name_problem(value)


def _provider_problem(value: Any) -> str | None:
    return _chain_problem(value) or name_problem(value, colon_allowed=False)


def _message_problem(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be text, not {kind_of(value)}"
    return text_problem(value, MAX_MESSAGE)


Chain = Annotated[str, Setting(_chain_problem, "chains")]
Provider = Annotated[str, Setting(_provider_problem, "providers")]
Message = Annotated[str, Setting(_message_problem)]
# Smallest units of the order's currency; None where it is left out.
Amount = Annotated[int | None, whole_number(MAX_AMOUNT)]
Seconds = Annotated[int, whole_number(CENTURY_SECONDS, "seconds")]
