"""One past dispatch after the other, in the order of checks of the pipeline's gate stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rules_app.backtesting.claims import Claims
from rules_app.backtesting.past import (
    EXECUTED,
    HELD,
    INVALID,
    MUTED,
    REFUSING,
    SILENCED,
    Judged,
    Past,
    Would,
    seconds,
)
from rules_app.backtesting.throttles import Throttles
from rules_app.engine.actions.deduplicate import Deduplicate
from rules_app.engine.actions.request_approval import RequestApproval
from rules_app.engine.actions.schedule import Schedule
from rules_app.engine.actions.throttle import Throttle
from rules_app.engine.rules import RuleSet

# Keys that were taken before the range are looked for so far back, at most.
LONGEST_MEMORY = 86_400


@dataclass(slots=True)
class Replay:
    """The world in which these rules were put in force when the range began. Quotas and breakers stay as they were."""

    rules: RuleSet
    _claims: Claims = field(init=False)
    _throttles: Throttles = field(init=False)

    def __post_init__(self) -> None:
        actions = {rule.name: rule.action for rule in self.rules.rules}
        kept = {name: one.ttl_seconds for name, one in actions.items() if isinstance(one, Deduplicate)}
        waits = {name: one.delay_seconds for name, one in actions.items() if isinstance(one, Schedule)}
        waits |= {
            name: one.timeout_seconds for name, one in actions.items() if isinstance(one, RequestApproval)
        }
        self._claims = Claims(_micros(kept), _micros(waits))
        self._throttles = Throttles({name: one for name, one in actions.items() if isinstance(one, Throttle)})

    def send(self, past: Past) -> Would:
        """What one more would have come to; they come by `at`."""
        judged = past.judged
        if judged is None or past.before:
            return self._follow(past, judged)
        would = (
            _by_rules(judged)
            or _muted(past, judged)
            or self._claims.ask(past, judged)
            or _left_as_it_was(past, judged)
            or self._throttles.ask(past, judged)
            or _accepted(past, judged)
        )
        self._claims.settle(past, judged, would)
        self._throttles.settle(past, would, judged.gates, judged.same_gates)
        return would

    def _follow(self, past: Past, judged: Judged | None) -> Would:
        """As it was: before the range the rules of then were in force, and what is lost is not guessed."""
        would = Would(past.outcome, past.rule, past.accepted, past.lost)
        if judged is not None:
            self._claims.follow(past, judged)
        self._throttles.settle(past, would, past.gates, past.gates)
        return would


def _accepted(past: Past, judged: Judged) -> Would:
    if judged.alike and past.accepted:
        return Would(past.outcome, judged.rule, True)
    if judged.verdict in HELD:
        return Would(HELD[judged.verdict], judged.rule, True)
    gathers = judged.verdict == "group"  # what its call would answer is told of the group, not of this one
    return Would(EXECUTED[judged.verdict], judged.rule, True, answer_unknown=not gathers)


def _micros(spans: Mapping[str, int]) -> dict[str, int]:
    return {name: seconds(span) for name, span in spans.items()}


def memory_of(rules: RuleSet, from_the_top: int) -> int:
    """How many seconds before the range the gates have to be filled, LONGEST_MEMORY at most.

    The first `from_the_top` rules decided all along: which keys they find taken, the trail tells.
    """
    spans = [0]
    for place, rule in enumerate(rules.rules):
        if isinstance(rule.action, Deduplicate) and place >= from_the_top:
            spans.append(rule.action.ttl_seconds)
        elif isinstance(rule.action, Throttle):
            spans.append(rule.action.window_seconds)
    return min(max(spans), LONGEST_MEMORY)


def _by_rules(judged: Judged) -> Would | None:
    if judged.verdict == INVALID:
        return Would(INVALID, judged.rule)
    if judged.verdict == "failed":
        return Would("failed", judged.rule)
    return Would("suppressed", judged.rule) if judged.verdict in REFUSING else None


def _muted(past: Past, judged: Judged) -> Would | None:
    """Silences stay as they were; time intervals are those of the rules that are tried."""
    if past.outcome == SILENCED:
        return Would(SILENCED, judged.rule)
    return Would(MUTED, judged.muted_by) if judged.muted_by else None


def _left_as_it_was(past: Past, judged: Judged) -> Would | None:
    """What other things than rules have refused: a quota, a breaker, a provider that is not there."""
    if not past.no_repeat:
        return None
    has_no_provider = past.called_nobody and past.verdict not in ("reroute", "chain")
    if past.outcome == "quota_exceeded" or has_no_provider:
        return Would(past.outcome, past.rule)  # whatever the rules make of it
    by_target = past.outcome == "circuit_open" or past.called_nobody
    return Would(past.outcome, past.rule) if by_target and judged.alike else None
