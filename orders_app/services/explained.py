"""An explanation as sentences that a manager understands. Nothing that the trail hides stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from acteon_site.base.clock_text import moment, rfc3339, span_text
from audit_app.models import AuditRecord
from orders_app.services.explaining import Explanation
from rules_app.engine.clauses import Clause
from rules_app.engine.phrases import clause_in_words, label, would_have
from rules_app.lists.explained import Listed
from rules_app.services.rule_history import Since
from rules_app.trial_words import trial_in_words

Payload = Mapping[str, Any]


def sentences(told: Explanation) -> list[str]:
    """What was decided, why, what would have had to differ, and since when the rule stands so."""
    because = [_decision(told.record), _by_clock(told), _because(told), *map(_entry, told.listed)]
    parts = [*because, _differently(told), _who(told.since), *map(trial_in_words, told.trials)]
    if told.unknown:
        parts.append(f"Why exactly is not told: {told.unknown}.")
    return [str(told.clean(part)) for part in parts if part]


def reasons(told: Explanation) -> list[str]:
    """The clauses that decided, each in words."""
    return [_clause(told, one) for one in told.clauses.reasons()] if told.clauses else []


def clause_lines(told: Explanation) -> list[dict[str, Any]]:
    """Every clause of the rule: its words and whether it held."""
    leaves = told.clauses.leaves() if told.clauses else ()
    return [{"text": _clause(told, one), "holds": one.holds} for one in leaves]


def change_lines(told: Explanation) -> list[dict[str, Any]]:
    """What would have had to differ, the nearest first, with the verdict and the rule that would have followed."""
    return [
        {
            "text": told.clean(text),
            "verdict": change.plan.verdict,
            "matched_rule": change.plan.rule.name if change.plan.rule else None,
        }
        for change, text in zip(told.changes, _changes(told), strict=True)
    ]


def explanation_shape(told: Explanation) -> dict[str, Any]:
    """The explanation in parts, as JSON."""
    record, since = told.record, told.since
    return {
        "action_id": record.action_id,
        "outcome": record.outcome,
        "verdict": record.verdict,
        "matched_rule": record.matched_rule,
        "ruleset_version": record.ruleset_version,
        "decided_at": rfc3339(told.moment),
        "explanation": " ".join(sentences(told)),
        "clauses": clause_lines(told),
        "changes": change_lines(told),
        "rule_since": since and {**asdict(since), "at": rfc3339(since.at)},
        "unknown": told.unknown or None,
    }


def _clause(told: Explanation, clause: Clause) -> str:
    leaf = clause.condition.leaf
    hidden = leaf is not None and bool(leaf.reads() & told.hidden)
    return str(told.clean(clause_in_words(clause, _payload(told), hidden=hidden)))


def _payload(told: Explanation) -> Payload:
    """Where a currency is looked for: without what is hidden."""
    shown: Payload = told.clean(told.scope.payload) if told.scope else {}
    return shown


def _because(told: Explanation) -> str:
    found = list(dict.fromkeys(reasons(told)))
    return f"That is because {' and '.join(found)}." if found else ""


def _entry(found: Listed) -> str:
    why = f", because {found.note.rstrip('.')}" if found.note else ""
    gone = f"; it was taken off at {moment(found.removed_at)}" if found.removed_at else ""
    added = (
        f"was put on the list {found.list} ({found.scope}) by {found.added_by} at {moment(found.added_at)}"
    )
    return f"The {label(found.path)} {added}{why}{gone}."


def _changes(told: Explanation) -> Iterator[str]:
    scope, payload = told.scope, _payload(told)
    if scope is not None:
        yield from (would_have(change, payload, scope.now, scope.zone) for change in told.changes)


def _differently(told: Explanation) -> str:
    if told.clauses is None:
        return ""
    kind = "that may be shown " if told.hidden else ""
    return next(_changes(told), f"No other value of one field {kind}would have changed that on its own.")


def _who(since: Since | None) -> str:
    if since is None:
        return ""
    who = f" by {since.actor}" if since.actor else ""
    before = " or longer" if since.or_before else ""
    return f"The rule had stood like this since {moment(since.at)}{before}, version {since.version}{who}."


def _by_clock(told: Explanation) -> str:
    demo = told.record.verdict_details.get("demo_now")
    return f"Its rules took {moment(told.moment)} for now." if demo else ""


def _decision(record: AuditRecord) -> str:
    details = record.verdict_details
    if "repeat_of" in details:
        return f"It was a repeat of {details['repeat_of']}, which {_rule(record, 'holds', 'waits')} already."
    text = _DECISIONS.get(record.outcome, _executed)(record)
    again = f" after it was held by the rule {details['release']}" if details.get("release") else ""
    gates = details.get("gates") or []
    stopped = record.verdict in _GATE_VERDICTS or record.outcome in _MUTED
    asked = f" It had {', '.join(gates)} to pass." if gates and not stopped else ""
    changed = details.get("modified_by") or []
    modified = f" Its payload was changed by {', '.join(changed)}." if changed else ""
    return f"{text}{again}.{asked}{modified}{_protected(record)}"


_MUTED = ("silenced", "muted")
_GATE_VERDICTS = ("deduplicate", "throttle", "deny", "suppress")


def _rule(record: AuditRecord, verb: str, alone: str) -> str:
    return f"the rule {record.matched_rule} {verb}" if record.matched_rule else alone


def _by_rule(record: AuditRecord) -> str:
    return f" by the rule {record.matched_rule}" if record.matched_rule else ""


def _suppressed(record: AuditRecord) -> str:
    return f"It was refused{_by_rule(record)}"


def _pending(record: AuditRecord) -> str:
    return f"It was held for approval{_by_rule(record)}"


def _scheduled(record: AuditRecord) -> str:
    until = record.outcome_details.get("scheduled_for", "")
    why = " for its turn" if record.verdict_details.get("waits_for_turn") else ""
    return f"It was held{why} until {until}{_by_rule(record)}"


def _deduplicated(record: AuditRecord) -> str:
    details = record.verdict_details
    if details.get("dedup_reason") == "living_order":
        first = details.get("first_action")
        return f"It was refused as a repeat: {_of_order(first)}"
    return (
        f"It was refused as a repeat of {details.get('first_action', 'an earlier action')}{_by_rule(record)}"
    )


def _of_order(first: object) -> str:
    return f"the order lives already, placed by {first}" if first else "the order was finished before"


def _throttled(record: AuditRecord) -> str:
    wait = span_text(record.outcome_details.get("retry_after", {}).get("secs", 0) + 1)
    return f"It was refused for now{_by_rule(record)}: too many came before it; the next place was free after {wait}"


def _over_quota(record: AuditRecord) -> str:
    found = record.outcome_details
    return f"It was refused, because {found.get('used')} of the {found.get('limit')} actions of a quota were used"


def _circuit_open(record: AuditRecord) -> str:
    provider = record.outcome_details.get("provider")
    return f"It was refused, because the provider {provider} was not called: its circuit breaker was open"


def _failed(record: AuditRecord) -> str:
    return f"Carrying it out failed: {record.outcome_details.get('message', 'no reason is on record')}"


def _rerouted(record: AuditRecord) -> str:
    found, quota = record.outcome_details, record.verdict_details.get("quota", {})
    why = ", because a quota was used up" if quota.get("overage") == "degrade" else _by_rule(record)
    return f"It was sent to {found.get('new_provider')} instead of {found.get('original_provider')}{why}"


def _chain_started(record: AuditRecord) -> str:
    return f"It was given to the chain {record.outcome_details.get('chain_name')}{_by_rule(record)}"


def _grouped(record: AuditRecord) -> str:
    found = record.outcome_details
    group = f"the group {found.get('group_id')}, as number {found.get('group_size')}"
    return f"It came{_by_rule(record)} into {group}, to be sent at {found.get('notify_at')} or sooner"


def _executed(record: AuditRecord) -> str:
    if record.matched_rule:
        return f"It was carried out{_by_rule(record)}"
    return "No rule refused or held it, and it was carried out"


def _silenced(record: AuditRecord) -> str:
    by = record.verdict_details.get("silenced_by", {})
    matchers, why = ", ".join(by.get("matchers", ())), by.get("comment", "")
    who = f" that {by['created_by']} made" if by.get("created_by") else ""
    return f"It was not sent{_though(record)}, because of a silence{who} ({matchers}: {why})"


def _muted(record: AuditRecord) -> str:
    by = record.verdict_details.get("muted_by", {})
    when = "outside of" if by.get("reason") == "active_time_interval" else "in"
    return f"It was not sent, because the rule {by.get('rule')} sends nothing {when} the interval {by.get('interval')}"


def _though(record: AuditRecord) -> str:
    return f", though the rule {record.matched_rule} lets it through" if record.matched_rule else ""


def _protected(record: AuditRecord) -> str:
    """A silence or an interval from which nothing came."""
    details = record.verdict_details
    if found := details.get("not_silenced"):
        return f" The silence {found.get('silence_id')} changed nothing: {found.get('because')}."
    if found := details.get("not_muted"):
        return f" The interval {found.get('interval')} changed nothing: {found.get('because')}."
    return ""


_DECISIONS: Mapping[str, Callable[[AuditRecord], str]] = {
    "suppressed": _suppressed,
    "pending_approval": _pending,
    "scheduled": _scheduled,
    "deduplicated": _deduplicated,
    "throttled": _throttled,
    "quota_exceeded": _over_quota,
    "circuit_open": _circuit_open,
    "failed": _failed,
    "rerouted": _rerouted,
    "chain_started": _chain_started,
    "grouped": _grouped,
    "executed": _executed,
    "silenced": _silenced,
    "muted": _muted,
}
