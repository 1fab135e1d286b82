"""The page *Try the rules*: what it begins with, and what the rules say with every clause's value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from acteon_site.admin.scoped import NOT_YOURS, reader_of
from acteon_site.base.clock_text import rfc3339
from acteon_site.base.errors import AppError
from rules_app.admin.try_form import TryForm
from rules_app.drafts import draft_get, draft_rule_set
from rules_app.engine import ActionView
from rules_app.engine.clauses import Clause
from rules_app.engine.fields import walk
from rules_app.engine.phrases import HIDDEN, clause_in_short, label
from rules_app.services.evaluation import Evaluation, rules_evaluate
from rules_app.services.trying import Clean, Outlook, Start, cleaner_of, outlook_of, start_of

NAMES = ("namespace", "tenant", "provider", "action_type")


def start_for(request: HttpRequest) -> Start | None:
    """The stored order that the address names, for who may look at orders."""
    key = request.GET.get("order", "")
    start = start_of(key) if key and request.user.has_perm("orders_app.view_order") else None
    seen = start is not None and reader_of(request).covers(start.view.namespace, start.view.tenant)
    return start if seen else None


def initial_of(request: HttpRequest, start: Start | None) -> dict[str, Any]:
    """What the form begins with: the draft and the order that the address names."""
    return {"rules": request.GET.get("draft", ""), **_of_order(start)}


def _of_order(start: Start | None) -> dict[str, Any]:
    if start is None:
        return {}
    names = {name: getattr(start.view, name) for name in NAMES}
    return {**names, "payload": start.shown, "evaluate_at": rfc3339(start.at)}


def tried(form: TryForm, start: Start | None) -> dict[str, Any] | None:
    """What the page shows below the form; None where the question cannot be asked."""
    facts = form.cleaned_data
    view, now = _view(facts, start), facts["evaluate_at"] or timezone.now()
    everything, reader = facts["include_disabled"], form.reader
    if not reader.covers(view.namespace, view.tenant):
        form.add_error("namespace", NOT_YOURS)
        return None
    try:
        live = rules_evaluate(action=view, now=now, include_disabled=everything, sees=reader.knows)
        drafted = draft_rule_set(draft_get(int(facts["rules"]))) if facts["rules"] else None
        found = rules_evaluate(action=view, now=now, rule_set=drafted) if drafted else live
        outlook = Outlook() if found.refused or everything else outlook_of(view, now, drafted)
    except AppError as error:
        form.add_error(None, error.message)
        return None
    clean = cleaner_of({**found.plan.payload, **view.payload})
    return {
        "plan": found.plan,
        "by_draft": facts["rules"],
        "live": live,
        "same": _decision(found) == _decision(live),
        "payload": clean(found.plan.payload),
        "refusal": clean(found.refusal),
        "version": found.rule_set.version,
        "outlook": outlook,
        "rows": list(_rows(found, view, clean)),
    }


def _decision(found: Evaluation) -> tuple[Any, ...]:
    rule = found.plan.rule
    return (
        found.plan.verdict,
        rule and rule.name,
        rule and rule.action,
        [one.name for one in found.plan.gates],
    )


def _view(facts: dict[str, Any], start: Start | None) -> ActionView:
    given = {name: facts[name] for name in NAMES}
    if start is None:
        return ActionView(**given, payload=facts["payload"])
    # Under its own id it would be a repeat of itself.
    return replace(start.view, **given, payload=start.whole(facts["payload"]), id="", dedup_key=None)


def _rows(found: Evaluation, view: ActionView, clean: Clean) -> Iterable[dict[str, Any]]:
    payload = view.payload
    for seen in found.plan.traces:
        why = (seen.skip_reason, seen.error, *seen.notes)
        shown = clean(payload)
        leaves = seen.clauses.leaves() if seen.clauses else ()
        yield {
            "name": seen.rule.name,
            "priority": seen.rule.priority,
            "result": seen.result.replace("_", " "),
            "then": seen.rule.action_in_words(),
            "shadow": seen.rule.shadow,
            "why": clean("; ".join(part for part in why if part)),
            "clauses": [_line(clause, payload, shown) for clause in leaves],
        }
        payload = payload if seen.payload is None else seen.payload


def _line(clause: Clause, payload: dict[str, Any], shown: dict[str, Any]) -> str:
    leaf = clause.condition.leaf
    path = leaf.field.path if leaf else ""
    if leaf and any(_differs(one, payload, shown) for one in leaf.reads()):
        return f"{label(path)} ({HIDDEN}): {'yes' if clause.holds else 'no'}"
    return clause_in_short(clause, shown)


def _differs(path: str, payload: dict[str, Any], shown: dict[str, Any]) -> bool:
    segments = tuple(path.removeprefix("action.payload.").split("."))
    return path.startswith("action.payload.") and walk(payload, segments) != walk(shown, segments)
