"""GET /v1/rules, PUT /v1/rules/{name}/enabled, GET /v1/rules/coverage."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import FieldProblem, bad_query, forbidden, invalid_field, not_found
from acteon_site.base.principals import Principal
from acteon_site.base.replica import reads_replica
from acteon_site.http.endpoint import Endpoint, body_of, caller_of, query_time
from rules_app.api.shapes import coverage_shape, rule_shape
from rules_app.models import Rule
from rules_app.services.coverage import coverage_entries
from rules_app.services.currencies import currency_warnings
from rules_app.services.rule_sets import rule_enable

COVERAGE_SPAN = timedelta(days=7)


class RuleList(Endpoint):
    """Every rule that the caller may see, in evaluation order, the disabled ones too."""

    def get(self, request: Request) -> Response:
        return Response([rule_shape(rule) for rule in seen_rules(caller_of(request))])


class RuleEnabled(Endpoint):
    """A switch set here is a person's and outlasts later loads."""

    def put(self, request: Request, name: str) -> Response:
        enabled = body_of(request).get("enabled")
        if not isinstance(enabled, bool):
            raise invalid_field("enabled", "must be true or false")
        _require_own(request, name)
        rule = rule_enable(name=name, enabled=enabled, actor=caller_of(request).caller_id)
        status = "enabled" if enabled else "disabled"
        return Response({"name": rule.name, "enabled": rule.enabled, "status": status})


class RuleCoverage(Endpoint):
    heavy_from = 0

    @reads_replica
    def get(self, request: Request) -> Response:
        end = query_time(request, "to") or timezone.now()
        begin = query_time(request, "from") or _earlier(end)
        if begin > end:
            raise bad_query("from must not be later than to", [FieldProblem("from", "is later than to")])
        caller = caller_of(request)
        scope = audit_scope(request, caller)
        rules = seen_rules(caller).filter(enabled=True, shadow=False)
        warnings = currency_warnings(rules, dispatched_at__gte=begin, dispatched_at__lt=end, **scope)
        entries = coverage_entries(begin, end, **scope)
        return Response(coverage_shape(entries, begin, end, {rule.name for rule in rules}, warnings))


def seen_rules(caller: Principal) -> QuerySet[Rule]:
    """Rules of the caller's own scope and those shared by all, in evaluation order."""
    scopes = {"namespace": caller.namespaces, "tenant": caller.tenants}
    narrow = {f"{field}__in": (*names, "*") for field, names in scopes.items() if "*" not in names}
    return Rule.objects.filter(**narrow).order_by("priority", "name")


def _require_own(request: Request, name: str) -> None:
    """404 for a rule that the caller may not see, 403 for one that others share."""
    caller = caller_of(request)
    rule = seen_rules(caller).filter(name=name).first()
    if rule is None:
        raise not_found(f"there is no rule named {name}")
    if not caller.covers(rule.namespace, rule.tenant):
        raise forbidden("this rule is shared by all; changing it needs a key whose scope is *")


def _earlier(end: datetime) -> datetime:
    try:
        return end - COVERAGE_SPAN
    except OverflowError:  # the first week of the calendar
        return end


def audit_scope(request: Request, caller: Principal) -> dict[str, Any]:
    """Filters on the audit rows: what the query asks for, within what the caller may see."""
    filters = caller.action_lookups()
    for field in ("namespace", "tenant"):
        asked = request.query_params.get(field)
        if asked is None:
            continue
        if asked not in filters.pop(f"{field}__in", (asked,)):
            raise forbidden(f"this key does not cover that {field}")
        filters[field] = asked
    return filters
