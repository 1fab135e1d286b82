"""What each step says of itself against what the providers have in their books."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.mixed import ALWAYS, CHAIN, ONE_OF, Effect, effects

FREED = ("failed", "cancelled")


@dataclass(frozen=True)
class StepRow:
    order: str
    chain: str
    run: str
    name: str
    status: str
    undo: str
    unknown: bool

    @property
    def key(self) -> str:
        return f"{self.run}:{self.name}"


@dataclass(frozen=True)
class OrderRow:
    """`living`: nobody may place it again."""

    name: str
    status: str
    living: bool
    parked: str | None
    steps: tuple[StepRow, ...] = ()

    @property
    def in_doubt(self) -> bool:
        return any(step.unknown for step in self.steps)


@dataclass
class Books:
    """The providers' ledgers, together: by key and by order how often something was carried out."""

    by_key: Counter[str] = field(default_factory=Counter)
    by_order: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def times(self, order: str, action_type: str) -> int:
        return self.by_order[order][action_type] if action_type else 0

    def stands(self, order: str, effect: Effect) -> int:
        return self.times(order, effect.action_type) - self.times(order, effect.undo)


def books_of(ledger: Iterable[Sequence[str]]) -> Books:
    books = Books()
    for _, key, action_type, order in ledger:
        books.by_key[key] += 1
        books.by_order[order][action_type] += 1
    return books


def broken(order: OrderRow, books: Books) -> Iterator[str]:
    """The sentences that are not true of this order."""
    told = f"{order.name} ({order.status}{', in doubt' if order.in_doubt else ''})"
    for effect in set(effects().values()):
        done, undone = books.times(order.name, effect.action_type), books.times(order.name, effect.undo)
        story = f"{told}: {effect.action_type} {done} times, undone {undone} times"
        if max(done, undone) > 1:
            yield f"an effect twice: {story}"
        if undone > done:
            yield f"undone what was not done: {story}"
        if done > undone and order.status in FREED and not order.living:
            yield f"freed with an effect that stands: {story}"
        if done > undone and order.status in FREED and not order.in_doubt:
            yield f"failed with an effect that stands: {story}"
    if order.status in FREED and order.living and not order.in_doubt:
        yield f"held for a doubt that nobody has: {told}"
    if order.status not in (*FREED, "completed") and order.parked is None:
        yield f"neither ended nor waiting for a person: {told}"
    yield from (f"{told}: {sentence}" for sentence in _steps(order, books))
    if order.status == "completed":
        yield from (f"completed without {name}: {told}" for name in _missing(order, books))


def _steps(order: OrderRow, books: Books) -> Iterator[str]:
    """A step that knows how it ended is right; of one in doubt or at work nothing can be said."""
    for step in order.steps:
        if step.name not in effects() or step.unknown or step.status == "running" or order.parked:
            continue
        expected = (int(step.status == "completed"), int(step.undo == "done"))
        found = (books.by_key[step.key], books.by_key[f"{step.key}:compensate"])
        if found != expected:
            yield f"{step.name} is {step.status} (undo {step.undo}), at the provider done and undone {found}"


def _missing(order: OrderRow, books: Books) -> list[str]:
    standing = {name for name, effect in effects().items() if books.stands(order.name, effect)}
    if not any(step.chain == CHAIN for step in order.steps):
        return sorted({"charge", "fulfill"} - standing)
    return sorted(ALWAYS - standing) + ([] if ONE_OF & standing else ["any insurance"])
