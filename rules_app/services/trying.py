"""Trying the rules on a page: from what an action may start, and what would become of it after the rules.

Both are known above this app, which lists here who knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acteon_site.base.principals import SYSTEM, Principal
from acteon_site.base.registry import Hook, Registry
from rules_app.engine import ActionView, RuleSet
from rules_app.engine.scope import Counts
from rules_app.services.past_moments import Moment

Clean = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Start:
    """A stored order to begin with. `shown` is its payload without what is redacted.

    `action` is the id of what is stored of it, `at` when it came, and `rule_time` what its rules took for now then;
    `caller` sent it.
    """

    name: str
    view: ActionView
    shown: Mapping[str, Any]
    at: datetime
    action: str
    rule_time: datetime
    caller: Principal

    def whole(self, typed: Any) -> Any:
        """What was typed, with the stored value wherever its redacted copy was left as it stood."""
        return _whole(typed, self.shown, self.view.payload)


@dataclass(frozen=True, slots=True)
class Question:
    """An action to be tried: by which rules (None: those in force), whose `now` is `rule_time`, sent by whom.

    `moment`: gates and counters as they were then; None: as they are now. `counts`: what counters say, where that has
    been read by now.
    """

    view: ActionView
    rule_time: datetime
    rules: RuleSet | None = None
    moment: Moment | None = None
    caller: Principal = SYSTEM
    counts: Counts | None = None


@dataclass(frozen=True, slots=True)
class GateTold:
    """A gate that would be asked. `passes` is None where nobody knows."""

    name: str
    passes: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a dispatch would come to: its verdict and rule as a dry run tells them, None where `unknown` says why.

    `gates` are those that would be asked; `then` is what would happen next; `muting` what keeps it from being sent, or
    would if it might.
    """

    verdict: str | None = None
    rule: str | None = None
    gates: Sequence[GateTold] = ()
    then: Sequence[str] = ()
    unknown: Sequence[str] = ()
    muting: str = ""


STARTS: Registry[Hook[Callable[[str], Start | None]]] = Registry("start of a try")
OUTLOOKS: Registry[Hook[Callable[[Question], Outlook]]] = Registry("outlook of a try")
# Gives, for a payload, what blanks its secrets in everything that is shown.
CLEANERS: Registry[Hook[Callable[[Mapping[str, Any]], Clean]]] = Registry("cleaner of a try")


def start_of(key: str) -> Start | None:
    """The stored order of that key, if anybody knows it."""
    return next((start for hook in STARTS.values() if (start := hook.call(key))), None)


def cleaner_of(payload: Mapping[str, Any]) -> Clean:
    return next((hook.call(payload) for hook in CLEANERS.values()), lambda value: value)


def outlook_of(question: Question) -> Outlook:
    return next((hook.call(question) for hook in OUTLOOKS.values()), Outlook())


def _whole(typed: Any, shown: Any, stored: Any) -> Any:
    if typed == shown:
        return stored
    if isinstance(typed, Mapping) and isinstance(shown, Mapping) and isinstance(stored, Mapping):
        return {
            name: _whole(value, shown[name], stored[name]) if name in shown and name in stored else value
            for name, value in typed.items()
        }
    return typed
