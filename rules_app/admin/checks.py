"""What the check says, where rules are edited: above the list, on the page of a rule or draft, and after saving."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from rules_app.checking import Finding, Question, check_rules
from rules_app.config_kinds.checks import new_findings, question_of, stored_world, with_draft
from rules_app.models import Rule, RuleDraft

SECTIONS = ("rules", "settings", "counters", "lifecycles", "time_intervals")
MOST_CHECKED = 150  # a page must not wait for more; the command checks any number
TOLD_ELSEWHERE = ("amount-without-currency",)


def rule_findings() -> list[Finding]:
    """Of the rules as they stand, without what the audit trail has seen; none where they are too many for a page."""
    return _findings(question_of(stored_world(SECTIONS)))


def draft_findings(draft: RuleDraft) -> list[Finding]:
    """What the check would say with the draft published, and does not say now."""
    stored = stored_world(SECTIONS)
    return new_findings(_findings(question_of(stored)), _findings(question_of(with_draft(stored, draft))))


def _findings(question: Question) -> list[Finding]:
    if sum(rule.enabled for rule in question.rules) > MOST_CHECKED:
        return []
    return [one for one in check_rules(question) if one.id not in TOLD_ELSEWHERE]


def with_findings(context: dict[str, Any]) -> dict[str, Any]:
    """The context of the list, with what stands above it."""
    return {**context, "rule_findings": rule_findings()}


def findings_in_words(rule: Rule) -> str:
    told = [one for one in rule_findings() if one.rule == rule.name] if rule.pk else []
    return "; ".join(f"This rule {one.message}. {one.advice}" for one in told) or "nothing to mind"


def tell_findings(request: HttpRequest, rule: Rule) -> None:
    """Warn of what is wrong with a rule that was just saved."""
    for one in rule_findings():
        if one.rule == rule.name:
            messages.warning(request, f'Saved, but "{rule.name}" {one.message}. {one.advice}')
