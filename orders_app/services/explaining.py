"""Why an order fared as it did: the rule, its clauses with the order's values, what would have had to differ, and who
wrote the rule.

The trail's row says what was decided. The stored original is then decided again by the set of rules of that time; only
where that comes to the same are clauses and changes told, and nothing that the trail hides is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import AppError
from audit_app.models import AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.selectors import current_redactor
from orders_app.contract.actions import Action, stored_action
from orders_app.models import Action as ActionRow
from orders_app.models import Hold
from orders_app.pipeline.decide import action_decide, require_one_spelling, view_of, view_sent
from orders_app.pipeline.items import Decided, Submission
from orders_app.services.past_trail import sender_of
from orders_app.services.releases import decide_again, submission_of
from rules_app.engine import ActionView, Cleared, Plan, Rule, RuleSet, Trial
from rules_app.engine.changes import Change, Question, takes_part
from rules_app.engine.clauses import Clause, clauses_of
from rules_app.engine.counting import empty_counts, use_of
from rules_app.engine.counting.declared import TENANT
from rules_app.engine.fields import walk
from rules_app.engine.named_lists import Lists
from rules_app.engine.scope import Counts, Scope
from rules_app.engine.world_changes import changes_of
from rules_app.lists.explained import Listed, Sees, listed, lists_of, nobody
from rules_app.services.rule_history import Since, rule_set_of, rule_since

GONE = "the original is no longer stored, so the values that the rule saw are not known"
NO_LISTS = "what the lists of that time held is no longer known"
NO_RULES = "the rules of that time are no longer known"
OTHERWISE = "the stored original, decided again by the rules of that time, comes to something else"
_OF_VIEW = ("namespace", "tenant", "provider", "action_type", "payload", "id")
_TEXTS = ("dedup_key", "fingerprint", "status", "template")


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """`clauses` and `changes` are empty where `unknown` says why they are not known, or where no rule decided.

    `seen` and `zone` are how the rule saw the order; `hidden` holds the paths whose values are not shown. `listed` are
    the entries by which clauses found values on lists that the reader may see; `trials` the rules in shadow, or for a
    share of orders, that it came to.
    """

    record: AuditRecord
    moment: datetime
    rule: Rule | None = None
    since: Since | None = None
    clauses: Clause | None = None
    scope: Scope | None = None
    changes: tuple[Change, ...] = ()
    hidden: frozenset[str] = frozenset()
    trials: tuple[Trial, ...] = ()
    unknown: str = ""
    listed: tuple[Listed, ...] = ()
    clean: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True, slots=True, eq=False)
class _Again:
    """The decision made again: by which rules, for what, and what need not be asked."""

    item: Decided
    action: Action
    rules: RuleSet
    submission: Submission
    counts: Counts
    cleared: tuple[Cleared, ...] = ()

    def ask(self, view: ActionView, now: datetime) -> Plan | None:
        """For another action or instant; None where a dispatch would refuse it before any rule, or where it would have
        been counted with others, so that nobody knows what it would have found."""
        return self._asked(view, now, self.rules, self.counts) if self._is_counted_alike(view) else None

    def ask_world(self, counts: Mapping[str, Any], lists: Lists) -> Plan | None:
        """For the same action, had its counters said this, and by these lists."""
        rules = self.rules.with_lists(lists)
        return self._asked(
            view_sent(self.item.action, self.submission.caller),
            self.submission.rule_time,
            rules,
            replace(self.counts, values=counts),
        )

    def _asked(self, view: ActionView, now: datetime, rules: RuleSet, counts: Counts) -> Plan | None:
        given: dict[str, Any] = {name: getattr(view, name) for name in _OF_VIEW}
        texts = {name: getattr(view, name) or "" for name in _TEXTS}
        action = replace(self.action, **(given | texts), metadata=dict(view.metadata))
        submission = replace(self.submission, demo_now=now)
        try:
            item = action_decide(action, rules, submission, cleared=self.cleared, counts=counts, mutes=False)
            require_one_spelling(item)
        except AppError:
            return None
        return item.plan

    def _is_counted_alike(self, view: ActionView) -> bool:
        own = view_sent(self.item.action, self.submission.caller)
        uses = ((use_of(one, own), use_of(one, view)) for one in self.rules.counters)
        return all((mine.group, mine.lacks) == (other.group, other.lacks) for mine, other in uses)


def explainable(records: QuerySet[AuditRecord], action_id: str) -> QuerySet[AuditRecord]:
    """What an action's dispatches and releases came to, newest first: the rows that name their set of rules."""
    own = records.filter(action_id=action_id, outcome__in=DISPATCH_OUTCOMES, ruleset_version__isnull=False)
    return own.order_by("-dispatched_at", "-id")


def explain(record: AuditRecord, sees: Sees = nobody, *, all_tenants: bool = True) -> Explanation:
    """Explain a row of the trail that a dispatch or a release has left.

    `sees(namespace, tenant)`: whether the reader may see who put what on a list of that place; `all_tenants`: whether
    what counters say over several tenants is for them.
    """
    moment = _moment(record)
    rules = rule_set_of(record.ruleset_version)
    if rules is None:
        return Explanation(record, moment, unknown=NO_RULES, clean=current_redactor().scrubber().clean)
    rule = next((rule for rule in rules.rules if rule.name == record.matched_rule), None)
    since = rule_since(rule.name, rules.version) if rule else None
    asking = _asking(record, rules)
    again = _decided_again(record, asking) if asking else None
    clean = (again.item.scrubber if again else current_redactor().scrubber()).clean
    told = Explanation(record, moment, rule, since, trials=_trials(record, again), clean=clean)
    if rule is None or "repeat_of" in record.verdict_details:
        return told
    if again is None:
        return replace(told, unknown=GONE if asking else NO_LISTS)
    others: frozenset[str] = frozenset() if all_tenants else _of_several_tenants(rules)
    with_clauses = _with_clauses(told, rule, again, others)
    found = listed(with_clauses.clauses, with_clauses.scope, sees)
    return replace(with_clauses, listed=tuple(found))


def _asking(record: AuditRecord, rules: RuleSet) -> RuleSet | None:
    """The rules with the lists as they stood then; None where that is not known any more."""
    if not rules.names_lists:
        return rules
    lists = lists_of(record.verdict_details.get("lists_version"), record.dispatched_at)
    return rules.with_lists(lists) if lists else None


def _trials(record: AuditRecord, again: _Again | None) -> tuple[Trial, ...]:
    """None where the decision made again comes to something else."""
    if again is None or "repeat_of" in record.verdict_details:
        return ()
    plan = again.item.plan
    named = {rule.name for rule in (plan.rule, *plan.gates) if rule}
    agrees = record.matched_rule in named or (record.matched_rule is None and plan.rule is None)
    return plan.trials if agrees and not plan.failed else ()


def _moment(record: AuditRecord) -> datetime:
    """What the rules took for now."""
    return parse_time(record.verdict_details.get("demo_now")) or record.dispatched_at


def _of_several_tenants(rules: RuleSet) -> frozenset[str]:
    return frozenset(one.path for one in rules.counters if one.per != TENANT)


def _with_clauses(told: Explanation, rule: Rule, again: _Again, others: frozenset[str]) -> Explanation:
    """`others` are paths that the reader may not know of, beside what is redacted."""
    plan = again.item.plan
    if plan.failed or not takes_part(rule, plan):
        return replace(told, unknown=OTHERWISE)
    view = view_sent(again.item.action, again.submission.caller)
    zone = rule.zone or again.rules.zone
    scope = Scope(view, told.moment, zone, again.rules.lists, again.counts)
    scope.payload = _payload_at(rule, again)
    clauses = clauses_of(rule.condition, scope)
    hidden = frozenset(
        path
        for path in rule.condition.fields()
        if path in others or _is_hidden(path, scope, told.record, again)
    )
    counters = {one.name: one for one in again.rules.counters}
    question = Question(rule, view, scope, clauses, again.ask, again.ask_world, counters)
    shown = [change for change in changes_of(question) if not change.reads & hidden]
    return replace(told, clauses=clauses, scope=scope, changes=tuple(shown), hidden=hidden)


def _payload_at(rule: Rule, again: _Again) -> dict[str, Any]:
    """The payload as the rule saw it: only what stands above it has modified it."""
    above = tuple(one for one in again.rules.rules if (one.priority, one.name) < (rule.priority, rule.name))
    rules = replace(again.rules, rules=above)
    payload: dict[str, Any] = action_decide(
        again.action, rules, again.submission, cleared=again.cleared, counts=again.counts, mutes=False
    ).plan.payload
    return payload


def _is_hidden(path: str, scope: Scope, record: AuditRecord, again: _Again) -> bool:
    """Whether the value is redacted now, or was when the row was written."""
    root, _, rest = path.removeprefix("action.").partition(".")
    if root == "metadata":
        labels = dict(scope.action.metadata)
        return bool(again.item.scrubber.clean(labels) != labels or record.metadata != labels)
    if root != "payload":
        return False
    segments = tuple(rest.split("."))
    redacted = current_redactor().scrubber(scope.payload, again.item.action.tainted).payload
    if walk(redacted, segments) != walk(scope.payload, segments):
        return True
    return bool(walk(record.action_payload, segments) != walk(again.item.plan.payload, segments))


def _decided_again(record: AuditRecord, rules: RuleSet) -> _Again | None:
    """None where the original is gone, or cannot be decided today."""
    try:
        return _released(record, rules) if "release" in record.verdict_details else _dispatched(record, rules)
    except AppError:
        return None


def _dispatched(record: AuditRecord, rules: RuleSet) -> _Again | None:
    rows = ActionRow.objects.filter(
        namespace=record.namespace,
        tenant=record.tenant,
        action_type=record.action_type,
        action_id=record.action_id,
    )
    row = min(rows, key=lambda row: abs(row.received_at - record.dispatched_at), default=None)
    if row is None:
        return None
    submission = Submission(sender_of(record), record.request_id, record.dispatched_at, _moment(record))
    action = stored_action(row.body)
    counts = _counts(record, action, rules)
    item = action_decide(action, rules, submission, counts=counts, mutes=False)
    return _Again(item, action, rules, submission, counts)


def _counts(record: AuditRecord, action: Action, rules: RuleSet) -> Counts:
    """What the action found in counters, as the trail says."""
    empty = empty_counts(rules.counters, view_of(action))
    details = record.verdict_details
    values = {**empty.values, **details.get("counters", {})}
    return replace(empty, values=values, order=details.get("order", {}))


def _released(record: AuditRecord, rules: RuleSet) -> _Again | None:
    """With the holds that it had passed by then."""
    holds = Hold.objects.filter(
        namespace=record.namespace,
        tenant=record.tenant,
        action_id_text=record.action_id,
        rule=record.verdict_details["release"],
        created_at__lte=record.dispatched_at,
    )
    hold = holds.select_related("action").order_by("-created_at").first()
    if hold is None:
        return None
    submission = replace(submission_of(hold.context, record.dispatched_at), demo_now=_moment(record))
    action = stored_action(hold.action.body)
    counts = _counts(record, action, rules)
    item = decide_again(hold, None, rules, submission, counts)
    cleared = tuple(Cleared(entry["rule"], entry["type"]) for entry in hold.cleared)
    return _Again(item, action, rules, submission, counts, cleared)
