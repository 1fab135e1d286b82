"""What is not sent though rules let it through: which silence or interval says so. Pure.

Asked once the rules have decided and before any gate: what is muted consumes nothing. A silence goes before the
intervals that rules name. What rules refuse anyway is refused, and nothing is muted of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rules_app.engine.decide import Plan
from rules_app.engine.intervals.model import Intervals
from rules_app.engine.muting_terms import ACTIVE, MUTE, REASONS, SENDING_NOTHING
from rules_app.engine.rules import Rule
from rules_app.engine.scope import ActionView
from rules_app.engine.silences import Silence, silence_over

SILENCED, MUTED = "silenced", "muted"


@dataclass(frozen=True, slots=True)
class Muting:
    """Why an action is not sent: a silence, or the interval that a rule names.

    `rule` is the rule that had decided (silenced) or names the interval (muted); "" where none did. `protected` says
    why nothing comes of it: the action may not be muted.
    """

    kind: str
    rule: str = ""
    silence: Silence | None = None
    interval: str = ""
    reason: str = ""
    protected: str = ""


def muting_of(
    plan: Plan,
    action: ActionView,
    intervals: Intervals,
    silences: Sequence[Silence],
    *,
    at: datetime,
    rule_time: datetime,
) -> Muting | None:
    """`at` is the instant of the request, `rule_time` what its rules take for now.

    Raises LookupError where a rule names an interval that is not there.
    """
    if plan.failed or (plan.rule is not None and plan.rule.action.type in SENDING_NOTHING):
        return None
    decided = plan.rule or (plan.gates[-1] if plan.gates else None)
    if silences and (silence := silence_over(silences, action.metadata, at)):
        return Muting(SILENCED, decided.name if decided else "", silence)
    rules = (*plan.gates, plan.rule) if plan.rule else plan.gates
    return next((found for rule in rules if (found := _muted(rule, action, intervals, rule_time))), None)


def _muted(rule: Rule, action: ActionView, intervals: Intervals, now: datetime) -> Muting | None:
    scope = action.namespace, action.tenant
    if (names := rule.active_time_intervals) and intervals.holding(names, *scope, now) is None:
        return Muting(MUTED, rule.name, interval=", ".join(names), reason=REASONS[ACTIVE])
    if (names := rule.mute_time_intervals) and (name := intervals.holding(names, *scope, now)):
        return Muting(MUTED, rule.name, interval=name, reason=REASONS[MUTE])
    return None
