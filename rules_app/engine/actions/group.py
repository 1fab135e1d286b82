"""`group`: gather alike actions, and hand them to their provider in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from acteon_site.base.clock_text import span_in_words
from acteon_site.base.names import name_problem
from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.settings import Seconds, Setting, whole_number
from rules_app.engine.fields import parse_field
from rules_app.engine.scope import MISSING, Scope, kind_of

MOST_FIELDS = 16
MOST_ACTIONS = 1_000  # of one call, also where a rule names no number
_ROOT = "action."


def _fields_problem(value: Any) -> str | None:
    if not isinstance(value, list | tuple):
        return f"must be a list of fields such as [action.payload.store], not {kind_of(value)}"
    if len(value) > MOST_FIELDS:
        return f"must name at most {MOST_FIELDS} fields"
    if len(set(map(str, value))) < len(value):
        return "names a field twice"
    problems = ((path, _field_problem(path)) for path in value)
    return next((f"{path!r} {problem}" for path, problem in problems if problem), None)


def _field_problem(path: Any) -> str | None:
    found = parse_field(path)
    if isinstance(found, str):
        return found
    return (
        None
        if found.path.startswith(_ROOT)
        else "is no field of the action: only action.… tells groups apart"
    )


def _template_problem(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be the name of a template profile, not {kind_of(value)}"
    return name_problem(value) if value else None


@dataclass(frozen=True, slots=True)
class Group(RuleAction):
    """A group is sent `group_wait_seconds` after its first action, or when it is full; the next one of the same key not
    before `group_interval_seconds` after that. `template` is a profile that is rendered into what is sent.
    """

    type: ClassVar[str] = "group"
    synonyms: ClassVar[tuple[str, ...]] = ("batch", "bundle", "aggregate")
    refused: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "repeat_interval_seconds": "is not supported: an action is sent once, and nothing of a group that was sent "
            "is left to be told again; leave it out"
        }
    )

    group_by: Annotated[Sequence[str], Setting(_fields_problem, kind="fields")]
    group_wait_seconds: Seconds = 30
    group_interval_seconds: Seconds = 300
    max_group_size: Annotated[int | None, whole_number(MOST_ACTIONS)] = None
    template: Annotated[str, Setting(_template_problem)] = ""

    @property
    def most(self) -> int:
        """With so many actions it is full."""
        return self.max_group_size or MOST_ACTIONS

    def in_words(self) -> str:
        by = f"those alike in {', '.join(self.group_by)}" if self.group_by else "all of them"
        wait, interval = span_in_words(self.group_wait_seconds), span_in_words(self.group_interval_seconds)
        words = f"gather {by}, send them in one call {wait} after the first, and later ones every {interval}"
        return f"{words}, at most {self.max_group_size} at once" if self.max_group_size else words


def group_values(group_by: Sequence[str], scope: Scope) -> dict[str, Any]:
    """What tells the action's group from others, by field; what is missing is null, as a null is."""
    found = {}
    for path in group_by:
        field = parse_field(path)
        value = MISSING if isinstance(field, str) else field.get(scope)
        found[path] = None if value is MISSING else value
    return found
