"""What flows through the pipeline: an action, then what rules say, then what the gates allow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from acteon_site.base.digest import content_digest
from acteon_site.base.principals import Principal
from acteon_site.base.source import Source
from audit_app.redaction import Scrubber
from audit_app.services.journal import Subject
from orders_app.actions import Action
from orders_app.models import Hold, Order
from orders_app.outcomes import Outcome
from orders_app.selectors import KnownLifecycle
from rules_app.engine import Plan
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

    @property
    def rule_time(self) -> datetime:
        return self.demo_now or self.received_at

    @property
    def source(self) -> Source:
        return Source(self.caller.caller_id, self.caller.auth_method, self.request_id)


@dataclass(frozen=True, slots=True)
class Decided:
    """An action with its plan. `hold` is set on a release: the action waited, and its order exists already."""

    position: int
    row_id: UUID
    action: Action
    plan: Plan
    ruleset_version: int
    lifecycle: KnownLifecycle | None
    fingerprint: str
    scrubber: Scrubber
    hold: Hold | None = None
    order: Order | None = None
    passed: frozenset[str] = frozenset()

    @property
    def subject(self) -> Subject:
        act = self.action
        return Subject(act.namespace, act.tenant, act.provider, act.action_type, act.id)

    @property
    def order_name(self) -> tuple[str, str, str] | None:
        return (self.action.namespace, self.action.tenant, self.fingerprint) if self.lifecycle else None

    @property
    def payload_hash(self) -> str:
        return content_digest(self.plan.payload)


@dataclass(frozen=True, slots=True)
class Refused:
    """The gates say no (or: the same already waits). The outcome is final and nothing was consumed."""

    outcome: Outcome
    verdict: str
    rule: str | None = None
    details: dict[str, object] = field(default_factory=dict)
    # Seconds that a released action has to wait for its turn, as an instant; only where throttled.
    turn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The gates let it pass and are paid. `target` replaces the execution (reroute, degrade)."""

    target: str | None = None
    passed: tuple[str, ...] = ()
    warnings: tuple[QuotaSpec, ...] = ()


Judgement = Refused | Accepted
