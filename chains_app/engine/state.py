"""A run as the machine sees it. Plain data, loaded from and written back to rows by services/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chains_app.definitions import Definition, Step
from chains_app.states import Phase, StepStatus, Undo


@dataclass(slots=True)
class StepState:
    """One step of a run.

    `unknown`: a call was made whose outcome nobody knows; only the provider that got it, `used_provider`, can be
    asked. `undo_unknown`: the same of its compensation. `timed_from`: since when the step's own time runs.
    """

    name: str
    status: str = StepStatus.PENDING
    attempt: int = 0
    body: dict[str, Any] | None = None
    retry_at: datetime | None = None
    unknown: bool = False
    first_called_at: datetime | None = None
    used_provider: str = ""
    timed_from: datetime | None = None
    undo: str = Undo.NONE
    undo_attempt: int = 0
    undo_unknown: bool = False
    undo_called_at: datetime | None = None
    error: str = ""
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class ChildState:
    """A run below this one: a sub-chain, or one branch of a parallel step.

    `ending` is its terminal status, None while it runs. `to_undo`: it did what can be undone and is not yet.
    `past_no_return`: it is past its own point of no return. `in_doubt`: nobody knows whether something of it took
    effect.
    """

    ending: str | None
    body: dict[str, Any] | None = None
    error: str = ""
    to_undo: bool = False
    past_no_return: bool = False
    in_doubt: bool = False


Children = dict[str, ChildState]  # by branch name; a sub-chain's is ""


@dataclass(slots=True)
class RunState:
    """A run: where it is (`cursor`, None behind the last step), its steps, the runs below it.

    `path`: the steps that were begun, in order. `ending`: the status that the undoing leads to.
    """

    cursor: str | None = None
    phase: str = Phase.FORWARD
    ending: str = ""
    path: list[str] = field(default_factory=list)
    steps: dict[str, StepState] = field(default_factory=dict)
    deadline: datetime | None = None
    cancel_requested: bool = False
    error: str = ""
    error_code: str = ""
    children: dict[str, Children] = field(default_factory=dict)
    # Signals that were sent and not taken yet, oldest first; those taken in this turn.
    signals: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)

    def step(self, name: str) -> StepState:
        return self.steps.setdefault(name, StepState(name))

    def enter(self, name: str) -> StepState:
        """Begin a step: it stands on the path from now on."""
        state = self.step(name)
        state.status = StepStatus.RUNNING
        if name not in self.path:
            self.path.append(name)
        return state


@dataclass(frozen=True, slots=True)
class ProviderTraits:
    """What the machine must know of a provider: may a call of unknown outcome be repeated, and how long."""

    repeatable: bool
    window: timedelta


def remembers(trait: ProviderTraits, since: datetime | None, now: datetime) -> bool:
    """Whether the provider still knows a key that it was first sent `since`: then a repeat of it has no effect."""
    return trait.repeatable and (since is None or now - since < trait.window)


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything that one move is decided by. `render` fills in a template from the run's context."""

    definition: Definition
    run: RunState
    now: datetime
    traits: Callable[[str], ProviderTraits]
    render: Callable[[Any], Any] = lambda template: template

    @property
    def late(self) -> bool:
        return self.run.deadline is not None and self.now >= self.run.deadline

    def before_deadline(self, moment: datetime | None) -> datetime | None:
        """The moment, or the run's deadline where that comes first."""
        ends = [end for end in (moment, self.run.deadline) if end is not None]
        return min(ends) if ends else None

    def remembers(self, provider: str, since: datetime | None) -> bool:
        return remembers(self.traits(provider), since, self.now)

    def children_of(self, step: Step) -> Children:
        return self.run.children.get(step.name, {})
