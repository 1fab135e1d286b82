"""GET /v1/rules/{name}/report, POST /v1/rules/{name}/stage."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import FieldProblem, bad_query, invalid_field, not_found
from acteon_site.base.replica import reads_replica
from acteon_site.http.endpoint import Endpoint, body_of, caller_of, query_time
from rules_app.api.draft_shapes import draft_shape
from rules_app.api.trial_shapes import report_shape
from rules_app.api.views_drafts import GlobalEndpoint, reason_of
from rules_app.api.views_rules import audit_scope, seen_rules
from rules_app.services.stages import rule_stage
from rules_app.services.trial_reports import LONGEST_SPAN, USUAL_SPAN, newest_trials, trial_report


class RuleReport(Endpoint):
    """What a rule in shadow, or for a share of orders, came to among the actions that the caller may see."""

    heavy_from = 0

    @reads_replica
    def get(self, request: Request, name: str) -> Response:
        begin, end = _span(request)
        caller = caller_of(request)
        rule = seen_rules(caller).filter(name=name).first()
        if rule is None:
            raise not_found(f"there is no rule named {name}")
        scope = audit_scope(request, caller)
        report = trial_report(name, begin, end, **scope)
        return Response(report_shape(rule, report, newest_trials(name, **scope)))


class RuleStage(GlobalEndpoint):
    """Answers the draft by which it is done: published, or open where a second person must publish it."""

    def post(self, request: Request, name: str) -> Response:
        body = body_of(request)
        stage, percent = body.get("stage"), _percent(body)
        if not isinstance(stage, str):
            raise invalid_field("stage", "must be shadow, live or all")
        actor = caller_of(request).caller_id
        draft = rule_stage(name=name, stage=stage, percent=percent, reason=reason_of(body), actor=actor)
        return Response(draft_shape(draft))


def _span(request: Request) -> tuple[datetime, datetime]:
    end = query_time(request, "to") or timezone.now()
    begin = query_time(request, "from") or _earlier(end)
    if begin > end:
        raise bad_query("from must not be later than to", [FieldProblem("from", "is later than to")])
    if end - begin > LONGEST_SPAN:
        message = f"must be at most {LONGEST_SPAN.days} days before to"
        raise bad_query(f"from {message}", [FieldProblem("from", message)])
    return begin, end


def _earlier(end: datetime) -> datetime:
    try:
        return end - USUAL_SPAN
    except OverflowError:  # the first days of the calendar
        return end


def _percent(body: dict[str, Any]) -> float | None:
    value = body.get("percent")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise invalid_field("percent", "must be a number from 1 to 100")
    return value
