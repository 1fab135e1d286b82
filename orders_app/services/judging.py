"""One past action, decided by other rules at the time at which it came. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from cryptography.fernet import InvalidToken

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import AppError
from acteon_site.base.money import DECIMALS
from audit_app.selectors import current_redactor
from orders_app.contract.actions import Action as Submitted
from orders_app.contract.actions import stored_action
from orders_app.models import Action
from orders_app.pipeline.decide import checked_payload, fingerprint_of, view_of
from orders_app.pipeline.muting import why_protected
from orders_app.selectors import CurrentLifecycle, lifecycle_for
from rules_app.backtesting import INVALID, UNCOUNTED, UNREADABLE, Judged, Past
from rules_app.engine import ActionView, Deduplicate, Plan, Reroute, Rule, RuleSet, StartChain, decide
from rules_app.engine.counting import use_of
from rules_app.engine.muting import muting_of
from rules_app.engine.scope import MISSING, NO_COUNTS, Counts
from rules_app.services.rule_history import rule_set_of

Name = tuple[str, str, str, str]
_LARGEST = 2**63
_BODY = Action._meta.get_field("body")


class Record(NamedTuple):
    """What is read of a row of the trail."""

    id: UUID
    namespace: str
    tenant: str
    action_type: str
    action_id: str
    dispatched_at: datetime
    outcome: str
    verdict: str
    matched_rule: str | None
    ruleset_version: int
    details: dict[str, Any]
    attempts: str | int | None
    caller_id: str
    auth_method: str

    @property
    def name(self) -> Name:
        return self.namespace, self.tenant, self.action_type, self.action_id

    @property
    def is_release(self) -> bool:
        return "release" in self.details

    @property
    def rule_time(self) -> datetime:
        """What the rules took for now."""
        return parse_time(self.details.get("demo_now")) or self.dispatched_at


class Original(NamedTuple):
    """A stored action, encrypted."""

    id: UUID
    namespace: str
    tenant: str
    action_type: str
    action_id: str
    received_at: datetime
    replay_of: str
    token: bytes

    @property
    def name(self) -> Name:
        return self.namespace, self.tenant, self.action_type, self.action_id

    def submitted(self) -> Submitted | None:
        """As it came; None where it is encrypted with a key that is there no more."""
        try:
            return stored_action(json.loads(_BODY.fernet.decrypt(bytes(self.token))))
        except (InvalidToken, ValueError, TypeError, KeyError):
            return None


@dataclass(slots=True)
class Judge:
    """`shows_money`: amounts are not redacted. Rules of then are remembered by the number of their version."""

    rules: RuleSet
    shows_money: bool
    _by_name: Mapping[str, Rule]
    _versions: dict[int, Mapping[str, Rule] | None] = field(default_factory=dict)
    _sets: dict[int, RuleSet | None] = field(default_factory=dict)
    _lifecycles: dict[tuple[str, str, str], CurrentLifecycle | None] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: RuleSet) -> Self:
        hides = current_redactor().hides_any(["total_cents", "currency"])
        return cls(rules, not hides, {rule.name: rule for rule in rules.rules})

    def judged(self, past: Past, record: Record, original: Original) -> Past:
        """The dispatch with what the rules say of it, or with why that is not known."""
        action = original.submitted()
        if action is None:
            return past._replace(lost=UNREADABLE)
        amount, currency = self._money(action.payload)
        past = past._replace(amount=amount, currency=currency)
        lifecycle = self._lifecycle(action)
        view = replace(_view(action, lifecycle), caller=_caller(record))
        counts = self._counts(view, record)
        if counts is None:
            return past._replace(lost=UNCOUNTED)
        return past._replace(judged=self._decided(action, view, record, lifecycle, counts))

    def _counts(self, view: ActionView, record: Record) -> Counts | None:
        """What the counters that rules ask said then, and the ledger of a refund's order; None where the trail does not
        say it of one."""
        order = record.details.get("order", {})
        if self._asks_more_than_noted(view, record):
            return None
        if not (asked := self.rules.asked(view)):
            return replace(NO_COUNTS, order=order)
        then = self._set_of(record.ruleset_version)
        said, since = (
            record.details.get("counters", {}),
            {one.name: one.since for one in then.counters} if then else {},
        )
        uses = [use_of(counter, view) for counter in self.rules.counters if counter.name in asked]
        lacks = {use.counter.name: use.lacks for use in uses if use.lacks}
        known = {name for name in said if name in since}
        counted = [use.counter for use in uses if not use.lacks]
        if any(one.name not in known or since[one.name] != one.since for one in counted):
            return None
        values = dict.fromkeys(lacks, MISSING) | {one.name: said[one.name] for one in counted}
        return Counts(values, lacks, order=order)

    def _asks_more_than_noted(self, view: ActionView, record: Record) -> bool:
        """Whether a rule about it asks who sent it, or about its order, and the rules of then did not."""
        concerned = self.rules.concerned.of(view)
        lifecycle = self._lifecycles.get((view.namespace, view.tenant, view.action_type))
        refunds = lifecycle is not None and lifecycle.spec.refunds is not None
        asks_caller = any(rule.asks_caller for rule in concerned)
        asks_order = refunds and any(rule.asks_order for rule in concerned)
        noted = record.details
        return (asks_caller and "caller_role" not in noted) or (asks_order and "order" not in noted)

    def _money(self, payload: Mapping[str, Any]) -> tuple[int | None, str]:
        amount = payload.get("total_cents")
        if not self.shows_money or type(amount) is not int or abs(amount) >= _LARGEST:
            return None, ""
        code = str(payload.get("currency") or "").strip().upper()
        return amount, code if code in DECIMALS else ""

    def _decided(
        self,
        action: Submitted,
        view: ActionView,
        record: Record,
        lifecycle: CurrentLifecycle | None,
        counts: Counts,
    ) -> Judged:
        plan = _plan(self.rules, view, record, lifecycle, counts)
        if plan.failed:
            verdict = INVALID if plan.failed.error else "failed"
            return Judged(verdict, plan.failed.rule)
        try:
            fingerprint = fingerprint_of(action, plan, lifecycle)
        except AppError:
            return Judged(INVALID, plan.modified_by[-1] if plan.modified_by else "")
        scope = (action.namespace, action.tenant)
        known = action.given_id or action.dedup_key
        return Judged(
            plan.verdict,
            plan.rule.name if plan.rule else "",
            tuple(rule.name for rule in plan.gates),
            (*scope, action.action_type, action.dedup_value) if known else None,
            (*scope, fingerprint) if lifecycle else None,
            self._is_alike(plan, record),
            tuple(rule.name for rule in plan.gates if self._is_as_then(rule, record)),
            self._otherwise(plan, view, record, lifecycle),
            key_rule_then=self._key_rule_then(record),
            muted_by=self._muted_by(plan, view, record, lifecycle),
        )

    def _muted_by(
        self, plan: Plan, view: ActionView, record: Record, lifecycle: CurrentLifecycle | None
    ) -> str:
        at, intervals = record.dispatched_at, self.rules.intervals
        muting = muting_of(plan, view, intervals, (), at=at, rule_time=record.rule_time)
        return muting.rule if muting and not why_protected(view, self.rules, lifecycle) else ""

    def _lifecycle(self, action: Submitted) -> CurrentLifecycle | None:
        scope = (action.namespace, action.tenant, action.action_type)
        if scope not in self._lifecycles:
            self._lifecycles[scope] = lifecycle_for(*scope)
        return self._lifecycles[scope]

    def _is_alike(self, plan: Plan, record: Record) -> bool:
        """The same verdict as recorded, and where it leads elsewhere, to the same place."""
        if plan.verdict != record.verdict:
            return False
        action = plan.rule.action if plan.rule else None
        if not isinstance(action, Reroute | StartChain):
            return True
        then = self._rule_then(record.matched_rule or "", record)
        return then is not None and then.action == action

    def _is_as_then(self, rule: Rule, record: Record) -> bool:
        then = self._rule_then(rule.name, record)
        return then is not None and then.action == rule.action

    def _key_rule_then(self, record: Record) -> str:
        """The first deduplicate rule that matched: its TTL is the key's."""
        names = record.details.get("gates", ())
        found = ((name, self._rule_then(name, record)) for name in names)
        return next((name for name, rule in found if rule and isinstance(rule.action, Deduplicate)), "")

    def _rule_then(self, name: str, record: Record) -> Rule | None:
        number = record.ruleset_version
        if number not in self._versions:
            found = self._set_of(number)
            self._versions[number] = {rule.name: rule for rule in found.rules} if found else None
        return (self._versions[number] or {}).get(name)

    def _set_of(self, number: int) -> RuleSet | None:
        if number not in self._sets:
            self._sets[number] = rule_set_of(number)
        return self._sets[number]

    def _otherwise(
        self, plan: Plan, view: ActionView, record: Record, lifecycle: CurrentLifecycle | None
    ) -> tuple[str, ...]:
        """In what the same verdict differs: the payload as rules have changed it, or how long a hold waits for whom."""
        if plan.verdict != record.verdict:
            return ()
        found = []
        then = self._rule_then(record.matched_rule or "", record)
        if plan.rule and then and then.action != plan.rule.action:
            found.append("terms")
        if plan.modified_by or record.details.get("modified_by"):
            rules = self._set_of(record.ruleset_version)
            if rules and _plan(rules, view, record, lifecycle, _said(rules, record)).payload != plan.payload:
                found.append("payload")
        return tuple(found)


def _caller(record: Record) -> dict[str, str]:
    role = record.details.get("caller_role")
    if not role:
        return {}
    return {"caller.id": record.caller_id, "caller.role": role, "caller.auth_method": record.auth_method}


def _said(rules: RuleSet, record: Record) -> Counts:
    """What counters said to the rules of then."""
    said = {one.name: 0 for one in rules.counters} | record.details.get("counters", {})
    return Counts(said, order=record.details.get("order", {}))


def _view(action: Submitted, lifecycle: CurrentLifecycle | None) -> ActionView:
    """With what its lifecycle calls its order, by which rules for a share of orders know it."""
    return view_of(action, lifecycle.spec.name_in(action.payload) if lifecycle else None)


def _plan(
    rules: RuleSet, view: ActionView, record: Record, lifecycle: CurrentLifecycle | None, counts: Counts
) -> Plan:
    """What was stored has passed the lifecycle's check; what a rule makes of it has not."""

    def check(payload: dict[str, Any]) -> dict[str, Any]:
        return checked_payload(lifecycle.spec, payload) if lifecycle else payload

    return decide(rules, view, record.rule_time, check_payload=check, counts=counts)
