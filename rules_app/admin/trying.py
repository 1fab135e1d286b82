"""The page *Try the rules*: what it begins with, and what the rules say with every clause's value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from acteon_site.admin.scoped import NOT_YOURS, reader_of
from acteon_site.base.clock_text import moment as moment_text
from acteon_site.base.clock_text import rfc3339
from acteon_site.base.errors import AppError
from acteon_site.base.principals import SYSTEM
from rules_app.admin.try_form import TryForm
from rules_app.drafts import draft_get, draft_rule_set
from rules_app.engine import ActionView
from rules_app.engine.clauses import Clause
from rules_app.engine.fields import walk
from rules_app.engine.phrases import HIDDEN, clause_in_short, label
from rules_app.engine.scope import Counts
from rules_app.services.evaluation import Evaluation, rules_evaluate
from rules_app.services.past_moments import Moment
from rules_app.services.trying import Clean, Outlook, Question, Start, cleaner_of, outlook_of, start_of

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
    view, when = _view(facts, start), _when(facts, start)
    now, moment, everything = when.rule_time, when.moment, facts["include_disabled"]
    reader = form.reader
    if not reader.covers(view.namespace, view.tenant):
        form.add_error("namespace", NOT_YOURS)
        return None
    try:
        live = rules_evaluate(
            action=view, now=now, include_disabled=everything, moment=moment, sees=reader.knows
        )
        drafted = draft_rule_set(draft_get(int(facts["rules"]))) if facts["rules"] else None
        found = rules_evaluate(action=view, now=now, rule_set=drafted, moment=moment) if drafted else live
        asked = Question(
            view, now, drafted, moment, start.caller if start else SYSTEM, _counts(found, moment)
        )
        outlook = Outlook() if found.refused or everything else outlook_of(asked)
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
        "when": when,
        "outlook": outlook,
        "tripped": outlook.verdict not in (None, found.plan.verdict, "modify"),
        "rows": list(_rows(found, view, clean)),
    }


@dataclass(frozen=True, slots=True)
class When:
    """What rules take for now; and gates and counters as they were at `moment`, None: as they are now."""

    rule_time: datetime
    moment: Moment | None = None
    own: bool = False

    @property
    def in_words(self) -> str:
        if self.moment is None:
            return "Gates and counters as they are now."
        at = moment_text(self.moment.at)
        if self.moment.at > timezone.now():
            return f"Gates and counters as they will be at {at}, if nothing else comes until then."
        clock = (
            f" Its rules took {moment_text(self.rule_time)} for now."
            if self.rule_time != self.moment.at
            else ""
        )
        own = ", just before it came" if self.own else ""
        return f"Gates and counters as they were at {at}{own}.{clock}"


def _when(facts: dict[str, Any], start: Start | None) -> When:
    """A stored order is tried at its own time, unless another is typed; what it left itself is left out."""
    typed = facts["evaluate_at"]
    if start and (typed is None or rfc3339(typed) == rfc3339(start.at)):
        return When(start.rule_time, Moment(start.at, start.action), own=True)
    if typed is None:
        return When(timezone.now())
    return When(typed, Moment.of(typed, start.action if start else ""))


def _decision(found: Evaluation) -> tuple[Any, ...]:
    rule = found.plan.rule
    return (
        found.plan.verdict,
        rule and rule.name,
        rule and rule.action,
        [one.name for one in found.plan.gates],
    )


def _counts(found: Evaluation, moment: Moment | None) -> Counts | None:
    """As they were read; those of now are read with the gates."""
    return found.counts if moment else None


def _view(facts: dict[str, Any], start: Start | None) -> ActionView:
    given = {name: facts[name] for name in NAMES}
    if start is None:
        return ActionView(**given, payload=facts["payload"])
    return replace(start.view, **given, payload=start.whole(facts["payload"]))


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
