"""POST /v1/rules/evaluate: what would happen, rule by rule. Consumes and stores nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import AppError, FieldProblem, invalid_field, invalid_fields
from acteon_site.base.labels import labels_of
from acteon_site.base.names import name_problem
from acteon_site.base.principals import Principal, Role, caller_facts
from acteon_site.http.endpoint import Endpoint, body_of, caller_of, require_action, scope_of
from rules_app.api.shapes import evaluation_shape, outlook_shape
from rules_app.engine import ActionView
from rules_app.engine.facts import FACTS
from rules_app.services.evaluation import Evaluation, rules_evaluate
from rules_app.services.past_moments import Moment
from rules_app.services.trying import Outlook, Question, outlook_of

OPTIONAL_NAMES = ("id", "dedup_key", "fingerprint", "status", "template")


class RuleEvaluate(Endpoint):
    """Reads although it is a POST, so a viewer may. `mock_state` gives facts in place of what is known of the caller
    and of the order that a refund is about: {"caller.role": "operator", "order.refunded_cents": 5000}. Whatever else
    stands there is accepted, and looked at by no condition.
    """

    write_role = Role.VIEWER
    heavy_from = 0

    def post(self, request: Request) -> Response:
        body = body_of(request)
        scope_of(request, body)
        action, at, caller = parse_action_view(body), _at(body), caller_of(request)
        action = replace(action, caller=caller_facts(caller, action.namespace))
        require_action(request, body)
        now, moment = at or timezone.now(), Moment.of(at) if at else None
        found = rules_evaluate(
            action=action,
            now=now,
            include_disabled=_flag(body, "include_disabled"),
            evaluate_all=_flag(body, "evaluate_all"),
            moment=moment,
            facts=body.get("mock_state") or {},
            sees=caller.knows,
        )
        shape = evaluation_shape(found, now, all_tenants=caller.is_global)
        return Response(shape | _outlook(found, _question(found, action, now, moment, caller)))


def _question(
    found: Evaluation, action: ActionView, now: datetime, moment: Moment | None, caller: Principal
) -> Question:
    counts = found.counts if moment else None
    return Question(action, now, moment=moment, caller=caller, counts=counts)


def _outlook(found: Evaluation, question: Question) -> dict[str, Any]:
    """What a dispatch would come to, gates and all; nothing where it would answer with an error."""
    try:
        return outlook_shape(Outlook() if found.refused else outlook_of(question))
    except AppError:
        return outlook_shape(Outlook())


def parse_action_view(body: dict[str, Any]) -> ActionView:
    """The action that a body describes. Raises 422 naming every wrong field."""
    problems = list(_problems(body))
    if problems:
        raise invalid_fields(problems)
    optional = {name: body[name] for name in OPTIONAL_NAMES if body.get(name) is not None}
    return ActionView(
        namespace=body["namespace"],
        tenant=body["tenant"],
        provider=body["provider"],
        action_type=body["action_type"],
        payload=body["payload"],
        metadata=labels_of(body.get("metadata"))[0],
        **optional,
    )


def _problems(body: dict[str, Any]) -> list[FieldProblem]:
    found: list[tuple[str, str | None]] = []
    for name in ("namespace", "tenant", "provider", "action_type"):
        missing = body.get(name) is None
        colon_allowed = name == "action_type"
        problem = "is required" if missing else name_problem(body[name], colon_allowed=colon_allowed)
        found.append((name, problem))
    found += [(name, name_problem(body[name])) for name in OPTIONAL_NAMES if body.get(name) is not None]
    if not isinstance(body.get("payload"), dict):
        found.append(("payload", "must be a JSON object" if "payload" in body else "is required"))
    if not isinstance(body.get("mock_state"), dict | None):
        found.append(("mock_state", "must be a JSON object"))
    mocked = (body.get("mock_state") or {}) if isinstance(body.get("mock_state"), dict | None) else {}
    found += [
        (f"mock_state.{path}", FACTS[path].problem(value)) for path, value in mocked.items() if path in FACTS
    ]
    _, wrong = labels_of(body.get("metadata"))
    return [FieldProblem(name, problem) for name, problem in found if problem] + wrong


def _at(body: dict[str, Any]) -> datetime | None:
    text = body.get("evaluate_at")
    if text is None:
        return None
    moment = parse_time(text)
    # A year at either end of the calendar has no local time in every zone.
    if moment is None or not 1 < moment.year < 9999:
        raise invalid_field("evaluate_at", "must be an RFC 3339 time with offset, like 2026-01-31T12:00:00Z")
    return moment


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid_field(name, "must be true or false")
    return bool(value)
