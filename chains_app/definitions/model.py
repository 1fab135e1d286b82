"""A chain definition as the engine reads it: frozen, validated, free of Django."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chains_app.definitions.retry import NO_RETRY, Retry
from chains_app.definitions.step_kinds.parallel import Parallel
from chains_app.definitions.step_kinds.timer import Timer
from chains_app.definitions.step_kinds.wait_for_signal import WaitForSignal

# As a target or default_next: the run ends here (unless a step is really called so).
END = "end"

# Of a chain, the branches of its parallel steps included; and of one parallel step.
MAX_STEPS = 100
MAX_BRANCHES = 25

OPERATORS = ("eq", "neq", "contains", "exists", "gt", "lt", "gte", "lte")


@dataclass(frozen=True, slots=True)
class Trigger:
    """Actions that run this chain when they are executed; `*` stands for all."""

    action_type: str
    namespace: str = "*"
    tenant: str = "*"


@dataclass(frozen=True, slots=True)
class Notice:
    """Whom to tell that a run was cancelled."""

    provider: str
    action_type: str


@dataclass(frozen=True, slots=True)
class Compensate:
    """The call that undoes a step."""

    provider: str
    action_type: str
    payload_template: Any = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Branch:
    """`field` is `success`, `body` or a path below it; the first branch that matches decides."""

    field: str
    operator: str
    value: Any
    target: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `kind` names the one of its keys that says what it does (`step_kinds`); the others are empty."""

    name: str
    kind: str
    provider: str = ""
    action_type: str = ""
    sub_chain: str = ""
    timer: Timer | None = None
    wait_for_signal: WaitForSignal | None = None
    parallel: Parallel | None = None
    payload_template: Any = field(default_factory=dict)
    branches: tuple[Branch, ...] = ()
    default_next: str | None = None
    on_failure: str = "abort"  # abort | skip | dlq
    delay_seconds: float = 0
    timeout_seconds: float | None = None  # over all attempts, since the first
    retry: Retry = NO_RETRY
    compensate: Compensate | None = None
    on_fallback: str = "park"  # park | accept
    on_unknown: str = "repeat"  # repeat | park
    point_of_no_return: bool = False
    transition_to: str = ""

    @property
    def targets(self) -> tuple[str, ...]:
        """Names this step itself points to: its branches' and its default."""
        named = tuple(branch.target for branch in self.branches)
        return (*named, self.default_next) if self.default_next else named


@dataclass(frozen=True, slots=True)
class Definition:
    """A chain: its steps in order, what ends it, what starts it."""

    name: str
    steps: tuple[Step, ...]
    on_failure: str = "abort"  # abort | abort_no_dlq
    timeout_seconds: float | None = None
    on_cancel: Notice | None = None
    trigger: Trigger | None = None
    description: str = ""

    def index_of(self, name: str) -> int:
        """The 0-based place of a step; KeyError for a name that is none."""
        for index, step in enumerate(self.steps):
            if step.name == name:
                return index
        raise KeyError(name)

    def step(self, name: str) -> Step:
        return self.steps[self.index_of(name)]

    def has_step(self, name: str) -> bool:
        return any(step.name == name for step in self.steps)

    def next_name(self, step: Step) -> str | None:
        """Where the run goes when no branch matches: default_next, else the next step; None ends the run."""
        if step.default_next:
            return self.resolve(step.default_next)
        following = self.index_of(step.name) + 1
        return self.steps[following].name if following < len(self.steps) else None

    def resolve(self, target: str) -> str | None:
        """A target as a step's name; None where it is the word `end`."""
        return None if target == END and not self.has_step(END) else target

    @property
    def providers(self) -> frozenset[str]:
        """Every provider that this chain may call, compensation and notices included."""
        names = {self.on_cancel.provider} if self.on_cancel else set()
        for step in all_steps(self.steps):
            names.update({step.provider} if step.provider else ())
            names.update({step.compensate.provider} if step.compensate else ())
        return frozenset(names)

    @property
    def sub_chains(self) -> frozenset[str]:
        return frozenset(step.sub_chain for step in all_steps(self.steps) if step.sub_chain)


def placed_steps(steps: tuple[Step, ...]) -> Iterator[tuple[str, Step, Step | None]]:
    """Every step with its place in the specification; of a branch also the parallel step around it."""
    for index, step in enumerate(steps):
        yield f"steps[{index}]", step, None
        for number, inner in enumerate(step.parallel.steps if step.parallel else ()):
            yield f"steps[{index}].parallel.steps[{number}]", inner, step


def all_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps and those inside parallel groups."""
    inner = [child for step in steps if step.parallel for child in step.parallel.steps]
    return (*steps, *inner)
