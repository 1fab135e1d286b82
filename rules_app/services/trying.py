"""Trying the rules on a page: from what an action may start, and what would become of it after the rules.

Both are known above this app, which lists here who knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from acteon_site.base.registry import Hook, Registry
from rules_app.engine import ActionView, RuleSet

Clean = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Start:
    """A stored order to begin with. `shown` is its payload without what is redacted, `payload` the whole one."""

    name: str
    view: ActionView
    shown: Mapping[str, Any]
    at: datetime

    def whole(self, typed: Any) -> Any:
        """What was typed, with the stored value wherever its redacted copy was left as it stood."""
        return _whole(typed, self.shown, self.view.payload)


@dataclass(frozen=True, slots=True)
class Outlook:
    """`gates` are those that would be asked, each with its state now; `then` is what would happen next."""

    gates: Sequence[str] = ()
    then: Sequence[str] = field(default=())


STARTS: Registry[Hook[Callable[[str], Start | None]]] = Registry("start of a try")
# By these rules, or by those in force.
OUTLOOKS: Registry[Hook[Callable[[ActionView, datetime, RuleSet | None], Outlook]]] = Registry(
    "outlook of a try"
)
# Gives, for a payload, what blanks its secrets in everything that is shown.
CLEANERS: Registry[Hook[Callable[[Mapping[str, Any]], Clean]]] = Registry("cleaner of a try")


def start_of(key: str) -> Start | None:
    """The stored order of that key, if anybody knows it."""
    return next((start for hook in STARTS.values() if (start := hook.call(key))), None)


def cleaner_of(payload: Mapping[str, Any]) -> Clean:
    return next((hook.call(payload) for hook in CLEANERS.values()), lambda value: value)


def outlook_of(view: ActionView, now: datetime, rules: RuleSet | None = None) -> Outlook:
    return next((hook.call(view, now, rules) for hook in OUTLOOKS.values()), Outlook())


def _whole(typed: Any, shown: Any, stored: Any) -> Any:
    if typed == shown:
        return stored
    if isinstance(typed, Mapping) and isinstance(shown, Mapping) and isinstance(stored, Mapping):
        return {
            name: _whole(value, shown[name], stored[name]) if name in shown and name in stored else value
            for name, value in typed.items()
        }
    return typed
