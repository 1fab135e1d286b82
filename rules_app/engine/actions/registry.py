"""The actions by their `type` in rule files. A new one is a file beside this, a line here and docs/rules.md."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rules_app.engine.actions.allow import Allow
from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.chain import StartChain
from rules_app.engine.actions.deduplicate import Deduplicate
from rules_app.engine.actions.deny import Deny
from rules_app.engine.actions.group import Group
from rules_app.engine.actions.modify import Modify
from rules_app.engine.actions.request_approval import RequestApproval
from rules_app.engine.actions.reroute import Reroute
from rules_app.engine.actions.schedule import Schedule
from rules_app.engine.actions.suppress import Suppress
from rules_app.engine.actions.throttle import Throttle

ACTIONS: Mapping[str, type[RuleAction]] = MappingProxyType(
    {
        "deny": Deny,
        "suppress": Suppress,
        "allow": Allow,
        "reroute": Reroute,
        "request_approval": RequestApproval,
        "schedule": Schedule,
        "chain": StartChain,
        "group": Group,
        "deduplicate": Deduplicate,
        "throttle": Throttle,
        "modify": Modify,
    }
)
SYNONYMS: Mapping[str, str] = {
    synonym: action.type for action in ACTIONS.values() for synonym in action.synonyms
}
