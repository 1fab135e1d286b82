"""Rules that are tried before they decide for all: in shadow, or for a share of orders. Pure.

What such a rule would have done, or has done, is noted beside the plan and never changes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rules_app.engine.actions.modify import Modify
from rules_app.engine.merge_patch import merge_patch
from rules_app.engine.rollout import OUTSIDE, UNKEYED, WITHIN
from rules_app.engine.rules import Rule
from rules_app.engine.scope import Scope

SHADOW = "shadow"
SIDES = (SHADOW, WITHIN, OUTSIDE, UNKEYED)
FAILED = "failed"
CheckPayload = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule in shadow, or for a share of orders, whose condition holds of an action that came to it.

    `side` ∈ SIDES. `would`: its action's type, `failed` where its evaluation fails (`problem` says why).
    """

    rule: Rule
    side: str
    would: str
    problem: str = ""


def side_of(rule: Rule, scope: Scope) -> str:
    """On which side of the rule's rollout the action is; within, where it has none."""
    return rule.rollout.side(rule.name, scope) if rule.rollout else WITHIN


def why_outside(rule: Rule, side: str) -> str:
    return rule.rollout.why_not(side) if rule.rollout else ""


def watched(
    rule: Rule, side: str, scope: Scope, test: Callable[[Rule], bool], check: CheckPayload | None
) -> Trial | None:
    """What a rule that has no part in the plan would have done; None where its condition does not hold.

    Whatever it raises concerns nobody: the action goes on without it.
    """
    try:
        if not test(rule):
            return None
        if isinstance(rule.action, Modify) and check is not None:
            check(merge_patch(scope.payload, rule.action.changes))
    except Exception as error:  # it decides nothing, so it fails nothing
        return Trial(rule, side, FAILED, str(error) or type(error).__name__)
    return Trial(rule, side, rule.action.type)
