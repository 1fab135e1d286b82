"""What an approval would lead to by the rules of now, in words. Nothing is locked, counted or stored."""

from __future__ import annotations

from datetime import datetime

from acteon_site.base.errors import AppError
from orders_app.models import Hold
from orders_app.pipeline.gate_state import chain_of
from orders_app.pipeline.items import Decided
from orders_app.services.releases import decide_again, submission_of
from rules_app.selectors import current_rules


def release_forecast(hold: Hold, now: datetime) -> tuple[str, bool]:
    """And whether that is what somebody who approves expects: that the order goes on."""
    try:
        item = decide_again(hold, hold.order, current_rules(), submission_of(hold.context, now))
    except AppError as error:
        return f"cannot be decided at present: {error.message}", False
    return _told(item)


def _told(item: Decided) -> tuple[str, bool]:
    plan, rule = item.plan, item.rule_name
    if item.again is not None:
        return "goes on, unless a rule that counts orders stops it", True
    if plan.failed:
        return f"stays approved and waits: the rule {plan.failed.rule} cannot be evaluated", False
    if plan.verdict in ("deny", "suppress"):
        return f"the rule {rule} stops it now: it would be rejected", False
    if plan.verdict == "schedule":
        return f"the rule {rule} holds it for a while, then it goes on", True
    if plan.verdict == "request_approval":
        return f"the rule {rule} asks for another approval", False
    if plan.verdict == "group":
        return f"the rule {rule} gathers it with others, for one call to {item.action.provider}", True
    if item.reroute_target:
        return f"goes to {item.reroute_target} instead, by the rule {rule}", True
    chain = chain_of(item)
    return (
        f"the chain {chain.definition.name} starts" if chain else f"{item.called_provider} is called"
    ), True
