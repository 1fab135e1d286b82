"""What flows from stage to stage: an action, its plan, what the gates say, and what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from acteon_site.base.digest import content_digest
from acteon_site.base.errors import AppError
from acteon_site.base.principals import Principal
from acteon_site.base.source import Source
from audit_app.redaction import Scrubber
from audit_app.services.journal import Subject
from chains_app.models import Run
from chains_app.services.turns import Work
from orders_app.contract.actions import Action
from orders_app.contract.outcomes import Outcome
from orders_app.models import Hold, Order
from orders_app.selectors import CurrentLifecycle
from rules_app.engine import Plan, Reroute, Rule
from rules_app.engine.muting import Muting
from rules_app.engine.scope import NO_COUNTS, Counts
from rules_app.services.counting import Counted
from rules_app.services.quota_windows import QuotaSpec


@dataclass(frozen=True, slots=True)
class Submission:
    """The circumstances of one call: who sent it, when, and by which clock its rules run."""

    caller: Principal
    request_id: str
    received_at: datetime
    demo_now: datetime | None = None
    # The id of the action that is dispatched again.
    replay_of: str = ""
    # The request's trace (acteon_site.base.tracing).
    trace: Mapping[str, str] = field(default_factory=dict)

    @property
    def rule_time(self) -> datetime:
        return self.demo_now or self.received_at

    @property
    def source(self) -> Source:
        caller = self.caller
        return Source(caller.caller_id, caller.auth_method, self.request_id, caller.address, caller.agent)

    @property
    def context(self) -> dict[str, str]:
        """What holds and runs keep of it (orders_app.services.releases.submission_of reads it back)."""
        return {
            "caller_id": self.caller.caller_id,
            "auth_method": self.caller.auth_method,
            "request_id": self.request_id,
        }


@dataclass(frozen=True, slots=True)
class Decided:
    """An action with its plan. `position` is its place in the set, `row_id` the id under which it is stored, and
    `origin` what templates of a run render from: the action with the payload as decided.

    On a release it is stored already, `hold` is what it waited in, `order` its order if it has one, and `passed` the
    keys of the throttles that it has gone through before.

    `met` are the counters that it asks or counts in, `counts` what it found in them. Where rules ask any, `again`
    decides by what is found, and `possible` are the rules that may then have a part in it. `asked_role` is the caller's
    role, where rules ask for callers. `muting` is what keeps it from being sent, or would if it might.
    """

    position: int
    row_id: UUID
    submission: Submission
    action: Action
    origin: dict[str, Any]
    plan: Plan
    ruleset_version: int
    lifecycle: CurrentLifecycle | None
    fingerprint: str
    scrubber: Scrubber
    hold: Hold | None = None
    order: Order | None = None
    passed: frozenset[str] = frozenset()
    lists_version: int | None = None
    met: tuple[Counted, ...] = ()
    counts: Counts = NO_COUNTS
    again: Callable[[Counts], Decided] | None = None
    possible: tuple[Rule, ...] = ()
    asked_role: str = ""
    muting: Muting | None = None

    @property
    def subject(self) -> Subject:
        act = self.action
        return Subject(act.namespace, act.tenant, act.provider, act.action_type, act.id)

    @property
    def order_name(self) -> tuple[str, str, str] | None:
        return (self.action.namespace, self.action.tenant, self.fingerprint) if self.lifecycle else None

    @property
    def rule_name(self) -> str | None:
        """The terminal rule's, where one matched."""
        return self.plan.rule.name if self.plan.rule else None

    @property
    def reroute_target(self) -> str | None:
        rule = self.plan.rule
        return rule.action.target_provider if rule and isinstance(rule.action, Reroute) else None

    @property
    def muted(self) -> Muting | None:
        """What it is not sent for."""
        return self.muting if self.muting and not self.muting.protected else None

    @property
    def called_provider(self) -> str:
        """The provider that an execution without a chain calls first."""
        return self.reroute_target or self.action.provider

    @property
    def payload_hash(self) -> str:
        return content_digest(self.plan.payload)


@dataclass(frozen=True, slots=True)
class Refused:
    """The gates say no, or the same action waits already. The outcome is final and nothing was consumed."""

    outcome: Outcome
    verdict: str
    rule: str | None = None
    details: dict[str, object] = field(default_factory=dict)
    # When a released action that is throttled has its turn.
    turn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contradicted:
    """The same action waits already and says something else: an error and no outcome. Nothing is written."""

    error: AppError


@dataclass(frozen=True, slots=True)
class Accepted:
    """The gates let the action pass, and were consumed.

    `target` is the provider that replaces the execution (reroute, degrade), `passed` the keys of its throttles,
    `over_quota` the quotas that it exceeds without being blocked, and `counted` its marks in counters, by their keys.
    """

    target: str | None = None
    passed: tuple[str, ...] = ()
    over_quota: tuple[QuotaSpec, ...] = ()
    counted: Mapping[str, Any] = field(default_factory=dict)


GateResult = Refused | Contradicted | Accepted


@dataclass(frozen=True, slots=True)
class Processed:
    """An action that went through all stages.

    Where `run` is set, its call is still to be made and gives the outcome. `notice` is the run that tells an approver
    of `hold`. `work` are those of the two whose call is recorded as started, for whoever makes it after the commit.
    With `error` the gates did not take it, and there is no outcome.
    """

    item: Decided
    outcome: Outcome | None
    run: Run | None = None
    hold: Hold | None = None
    notice: Run | None = None
    error: AppError | None = None
    work: Mapping[UUID, Work] = field(default_factory=dict)
