"""From shadow to live, to more orders, and back: one change of one rule, published as every other is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from acteon_site.base.errors import conflict, invalid_field, not_found
from rules_app.differences import Spec, same
from rules_app.drafts import live_spec
from rules_app.models import RuleDraft
from rules_app.services.drafts import canonical_spec
from rules_app.services.publishing import rule_put_in_force

SHADOW, LIVE, ALL = "shadow", "live", "all"
# What each makes of the rule, told as the cause of the version.
STAGES: Mapping[str, str] = MappingProxyType({SHADOW: "back to shadow", LIVE: "live", ALL: "live for all"})


def rule_stage(*, name: str, stage: str, reason: str, actor: str, percent: float | None = None) -> RuleDraft:
    """Put the rule in force in shadow, live (for its share of orders, where it has one), or live for all.

    `percent` makes it a rule for that share, by what it is told apart by now. Answers the draft: published, or
    open where a second person must publish it. Raises 404 without such a rule, 422 for another stage, for a
    percentage that is none and without a reason, 409 where the rule is so already.
    """
    if stage not in STAGES:
        raise invalid_field("stage", f"must be one of {', '.join(STAGES)}")
    if stage == ALL and percent is not None:
        raise invalid_field("percent", "goes with shadow or live: all is for all orders")
    spec = live_spec(name) if name else None
    if spec is None:
        raise not_found(f"there is no rule named {name}")
    wanted = staged(spec, stage, percent)
    if same(wanted, spec):
        raise conflict(f"{name} is so already")
    share = "" if percent is None else f", for {percent:g} % of orders"
    said = f"{name}: {STAGES[stage]}{share}"
    return rule_put_in_force(spec=wanted, seen=spec, title=said, reason=reason, actor=actor)


def staged(spec: Spec, stage: str, percent: float | None = None) -> Spec:
    """The rule at this stage, all else as it is."""
    rollout = None if stage == ALL else spec.get("rollout")
    if percent is not None:
        rollout = {**(rollout or {}), "percent": percent}
    return canonical_spec({**spec, "shadow": stage == SHADOW, "rollout": rollout})
