"""The rule engine: pure Python, no Django. `parse_rule` makes rules, `decide` asks them."""

from rules_app.engine.actions.chain import StartChain
from rules_app.engine.actions.deduplicate import Deduplicate
from rules_app.engine.actions.group import Group
from rules_app.engine.actions.modify import Modify
from rules_app.engine.actions.registry import ACTIONS
from rules_app.engine.actions.request_approval import RequestApproval
from rules_app.engine.actions.reroute import Reroute
from rules_app.engine.actions.schedule import Schedule
from rules_app.engine.actions.throttle import Throttle
from rules_app.engine.decide import Cleared, Plan, RuleFailure, RuleTrace, decide
from rules_app.engine.rules import Rule, RuleSet, duplicate_problems, parse_rule
from rules_app.engine.scope import ActionView
from rules_app.engine.times import time_map, timezone_problem, zone_of
from rules_app.engine.trials import Trial

__all__ = [
    "ACTIONS",
    "ActionView",
    "Cleared",
    "Deduplicate",
    "Group",
    "Modify",
    "Plan",
    "RequestApproval",
    "Reroute",
    "Rule",
    "RuleFailure",
    "RuleSet",
    "RuleTrace",
    "Schedule",
    "StartChain",
    "Throttle",
    "Trial",
    "decide",
    "duplicate_problems",
    "parse_rule",
    "time_map",
    "timezone_problem",
    "zone_of",
]
