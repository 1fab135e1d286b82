"""Between Decide and Gate: what a silence or an interval keeps from being sent, unless it may not be muted.

Decided in memory with the plan, so that what is muted locks and consumes nothing. A hold is not muted on its release:
a person, or its time, has decided about it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from acteon_site.base.clock_text import rfc3339
from chains_app.selectors import definitions
from orders_app.contract import outcomes
from orders_app.contract.outcomes import Outcome
from orders_app.pipeline.items import Submission
from orders_app.selectors import CurrentLifecycle
from rules_app.engine import ActionView, Plan, RuleSet
from rules_app.engine.muting import SILENCED, Muting, muting_of
from rules_app.engine.muting_terms import MUTE, REASONS, protection
from rules_app.silences import silences_of

LONGEST_COMMENT = 200  # of what the trail repeats with every action


def action_muting(
    plan: Plan, view: ActionView, rules: RuleSet, submission: Submission, lifecycle: CurrentLifecycle | None
) -> Muting | None:
    """What mutes the action; with `protected` set where it may not be muted. None where nothing does."""
    found = muting_of(
        plan,
        view,
        rules.intervals,
        silences_of(view.namespace, view.tenant, submission.received_at),
        at=submission.received_at,
        rule_time=submission.rule_time,
    )
    if found is None:
        return None
    return replace(found, protected=why_protected(view, rules, lifecycle))


def why_protected(view: ActionView, rules: RuleSet, lifecycle: CurrentLifecycle | None) -> str:
    chain = definitions().chain_for(view.namespace, view.tenant, view.action_type)
    return protection(
        rules.mutables,
        view.namespace,
        view.tenant,
        view.action_type,
        order=lifecycle.spec.name if lifecycle else "",
        chain=chain.definition.name if chain else "",
    )


def muted_outcome(muting: Muting) -> Outcome:
    if muting.silence is not None:
        return outcomes.silenced(muting.silence.id, muting.rule)
    return outcomes.muted(muting.interval, muting.reason, muting.rule)


def muting_notes(muting: Muting) -> dict[str, Any]:
    """For the trail: what was silenced by what, or would have been and may not."""
    said = _told(muting)
    if muting.protected:
        return {f"not_{muting.kind}": {**said, "because": muting.protected}}
    return {f"{muting.kind}_by": said}


def _told(muting: Muting) -> dict[str, Any]:
    silence = muting.silence
    if muting.kind != SILENCED or silence is None:
        return {"interval": muting.interval, "reason": muting.reason, "rule": muting.rule}
    return {
        "silence_id": silence.id,
        "matchers": [str(one) for one in silence.matchers],
        "created_by": silence.created_by,
        "comment": silence.comment[:LONGEST_COMMENT],
        "ends_at": rfc3339(silence.ends_at),
    }


def muting_in_words(muting: Muting) -> str:
    """What keeps it from being sent, or would, as a sentence without its full stop."""
    by = _by(muting)
    if muting.protected:
        return f"{by} would keep it from being sent, but it may not be muted: {muting.protected}"
    return f"{by} keeps it from being sent"


def _by(muting: Muting) -> str:
    if muting.silence is not None:
        matchers = ", ".join(str(one) for one in muting.silence.matchers)
        return f"The silence {muting.silence.id} ({matchers}: {muting.silence.comment[:LONGEST_COMMENT]})"
    inside = "in which" if muting.reason == REASONS[MUTE] else "outside of which"
    return f"The time interval {muting.interval}, {inside} the rule {muting.rule} sends nothing,"
