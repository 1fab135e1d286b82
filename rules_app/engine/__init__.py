"""The rule engine: pure Python, no Django. `parse_rule` makes rules, `decide` asks them."""

from rules_app.engine.action_specs import ACTION_TYPES
from rules_app.engine.actions import (
    GATES,
    HOLDS,
    TERMINAL,
    Allow,
    Deduplicate,
    Deny,
    Modify,
    RequestApproval,
    Reroute,
    RuleAction,
    Schedule,
    StartChain,
    Suppress,
    Throttle,
)
from rules_app.engine.decide import Cleared, Plan, RuleFailure, RuleTrace, decide
from rules_app.engine.rules import Rule, RuleSet, duplicate_problems, parse_rule, timezone_problem
from rules_app.engine.scope import ActionView
from rules_app.engine.times import time_map, zone_of

__all__ = [
    "ACTION_TYPES",
    "GATES",
    "HOLDS",
    "TERMINAL",
    "ActionView",
    "Allow",
    "Cleared",
    "Deduplicate",
    "Deny",
    "Modify",
    "Plan",
    "RequestApproval",
    "Reroute",
    "Rule",
    "RuleAction",
    "RuleFailure",
    "RuleSet",
    "RuleTrace",
    "Schedule",
    "StartChain",
    "Suppress",
    "Throttle",
    "decide",
    "duplicate_problems",
    "parse_rule",
    "time_map",
    "timezone_problem",
    "zone_of",
]
