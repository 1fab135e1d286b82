"""What a check stands on: the question, and the enabled rules in their order with all that is worked out once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rules_app.checking.literals import Key, Term, equals
from rules_app.checking.normal_form import TooLarge, terms_of
from rules_app.checking.space import PAYLOAD, Schema, Space
from rules_app.engine import Modify, Rule, RuleSet
from rules_app.engine.conditions import Condition, Leaf
from rules_app.engine.counting import Counter
from rules_app.engine.intervals import NO_INTERVALS, Intervals

# After a release the rules below a hold are asked without it.
HOLDS = frozenset(("request_approval", "schedule"))
REFUSALS = frozenset(("deny", "suppress"))


@dataclass(frozen=True, slots=True)
class Names:
    """What rules may name elsewhere; None: not known here, so nothing is said of it."""

    providers: frozenset[str] | None = None
    chains: frozenset[str] | None = None
    lists: frozenset[str] | None = None

    def of(self, section: str) -> frozenset[str] | None:
        return {"providers": self.providers, "chains": self.chains, "lists": self.lists}.get(section)


@dataclass(frozen=True, slots=True)
class Seen:
    """What came in: `actions` looked at, the dotted payload paths that stood in any, the currencies of orders."""

    actions: int = 0
    paths: frozenset[str] = frozenset()
    currencies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """What to check. `now` decides which changes of clocks lie ahead (a year) and must be aware."""

    rules: Sequence[Rule]
    now: datetime
    zone: str = "UTC"
    schemas: Sequence[Schema] = ()
    names: Names = Names()
    seen: Seen = Seen()
    counters: tuple[Counter, ...] = ()
    intervals: Intervals = NO_INTERVALS


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """An enabled rule at its place. `terms`: its alternatives, scope included; None where they are too many."""

    rule: Rule
    terms: tuple[Term, ...] | None
    scope: Term
    changes: Mapping[str, int]
    zone: str

    @property
    def name(self) -> str:
        return self.rule.name

    @property
    def refuses(self) -> bool:
        return self.rule.action.type in REFUSALS

    @property
    def ends(self) -> bool:
        """Whether a match certainly ends the search, also after a release."""
        action = self.rule.action
        decides = action.terminal and action.type not in HOLDS and not self.rule.only_unmatched
        return decides and self.rule.sure

    @property
    def claims(self) -> bool:
        """Whether a match certainly takes the action from the catch-alls below."""
        return self.rule.claims and self.rule.sure

    def key_of(self, leaf: Leaf) -> Key:
        path = leaf.field.path
        beside = self._beside(leaf) if leaf.operator.in_scope else ""
        if leaf.field.clock:
            return Key(path, self.zone, beside=beside)
        return Key(path, changes=self._changes_of(path), beside=beside)

    def _changes_of(self, path: str) -> int:
        first = path.removeprefix(PAYLOAD).partition(".")[0]
        return self.changes.get(first, 0) if path.startswith(PAYLOAD) else 0

    def _beside(self, leaf: Leaf) -> str:
        """Two such clauses are the same only in one zone, and with nothing that they look at changed in between."""
        return " ".join([self.zone, *(f"{path}:{self._changes_of(path)}" for path in sorted(leaf.reads()))])


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    question: Question
    rule_set: RuleSet
    space: Space
    placed: Sequence[Placed] = field(default_factory=list)

    @property
    def sure_rules(self) -> RuleSet:
        """Without the rules that take no part, or not for all."""
        rules = self.rule_set.rules
        if all(rule.sure for rule in rules):
            return self.rule_set
        return replace(self.rule_set, rules=tuple(rule for rule in rules if rule.sure))

    def terms(self, placed: Placed, condition: Condition, *, positive: bool = True) -> list[Term] | None:
        """The alternatives of a part of the rule's condition, scope included."""
        try:
            return terms_of(
                condition, placed.key_of, self.space.possible, positive=positive, beside=placed.scope
            )
        except TooLarge:
            return None


def ground_of(question: Question) -> Ground:
    enabled = tuple(rule for rule in question.rules if rule.enabled)
    rule_set = RuleSet(0, enabled, question.zone, question.counters)
    space = Space(question.schemas)
    return Ground(question, rule_set, space, list(_placed(rule_set, space, question.zone)))


def _placed(rule_set: RuleSet, space: Space, default_zone: str) -> Iterator[Placed]:
    changes: dict[str, int] = {}
    for rule in rule_set.rules:
        scope = frozenset(
            equals(f"action.{name}", value)
            for name, value in (("namespace", rule.namespace), ("tenant", rule.tenant))
            if value != "*"
        )
        bare = Placed(rule, None, scope, dict(changes), rule.timezone or default_zone)
        yield Placed(rule, _terms(bare, space), scope, bare.changes, bare.zone)
        if isinstance(rule.action, Modify) and not rule.shadow:
            for name in rule.action.changes:
                changes[name] = changes.get(name, 0) + 1


def _terms(placed: Placed, space: Space) -> tuple[Term, ...] | None:
    try:
        found = terms_of(placed.rule.condition, placed.key_of, space.possible, beside=placed.scope)
    except TooLarge:
        return None
    return tuple(found)


def parts_of(condition: Condition, place: str = "condition") -> Iterator[tuple[Condition, str]]:
    """The condition and all in it, each with its place in the rule."""
    yield condition, place
    for index, child in enumerate(condition.children):
        step = ".not" if condition.group == "not" else f".{condition.group}[{index}]"
        yield from parts_of(child, place + step)
