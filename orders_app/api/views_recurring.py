"""/v1/recurring: actions that are dispatched again and again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import FieldProblem, bad_query, invalid_fields, not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from acteon_site.http.endpoint import (
    SCOPE,
    Endpoint,
    asked_scope,
    body_of,
    caller_of,
    integer_of,
    page_response,
    require_action,
    scope_of,
    seen_row,
    seen_rows,
    source_of,
)
from orders_app.api.recurring_shapes import (
    firing_shape,
    recurring_detail,
    recurring_made,
    recurring_row,
    upcoming_shape,
)
from orders_app.models import RecurringAction, RecurringFiring
from orders_app.recurring.cron import zone_problem
from orders_app.recurring.spec import NAMES, OVERLAPS, read_spec
from orders_app.services.recurring.by_hand import MOST, USUAL, Span, recurring_backfill
from orders_app.services.recurring.edits import (
    recurring_create,
    recurring_delete,
    recurring_pause,
    recurring_resume,
    recurring_update,
)
from orders_app.services.recurring.history import NEXT, upcoming

STATUSES: Mapping[str, Q] = {
    "active": Q(enabled=True, next_at__isnull=False),
    "paused": Q(enabled=False),
    "completed": Q(enabled=True, next_at__isnull=True),
}
MOST_NEXT = 100


class RecurringEndpoint(Endpoint):
    """What a key may dispatch it may have dispatched again and again."""

    write_role = Role.OPERATOR

    def rows(self, request: Request) -> QuerySet[RecurringAction]:
        return RecurringAction.objects.filter(**caller_of(request).action_lookups())

    def found(self, request: Request, pk: str) -> RecurringAction:
        return seen_row(request, self.rows(request), pk, "recurring action")


class RecurringList(RecurringEndpoint):
    def get(self, request: Request) -> Response:
        rows = self.rows(request).filter(**asked_scope(request)).defer("payload", "metadata")
        if (status := request.query_params.get("status")) is not None:
            if status not in STATUSES:
                message = f"must be one of {', '.join(STATUSES)}"
                raise bad_query(f"status {message}", [FieldProblem("status", message)])
            rows = rows.filter(STATUSES[status])
        return page_response(request, "recurring_actions", rows.order_by("-created_at", "-id"), recurring_row)

    def post(self, request: Request) -> Response:
        body = body_of(request)
        scope_of(request, body)
        spec = read_spec(body)
        _require_covered(request, spec)
        row = recurring_create(spec=spec, source=source_of(request))
        return Response(recurring_made(row), status=201)


class RecurringDetail(RecurringEndpoint):
    def get(self, request: Request, pk: str) -> Response:
        return Response(recurring_detail(self.found(request, pk)))

    def put(self, request: Request, pk: str) -> Response:
        """Changes what the body names; a namespace or tenant in it must be its own."""
        body, row = body_of(request), self.found(request, pk)
        _require_own(body, row)
        changes = read_spec(body)
        _require_covered(request, {name: changes.get(name) or getattr(row, name) for name in NAMES})
        return Response(
            recurring_detail(recurring_update(row=row, changes=changes, source=source_of(request)))
        )

    def delete(self, request: Request, pk: str) -> Response:
        recurring_delete(row=self.found(request, pk), source=source_of(request))
        return Response(status=204)


class RecurringVerb(RecurringEndpoint):
    def asked(self, request: Request, pk: str) -> tuple[dict[str, Any], RecurringAction]:
        body = body_of(request)
        scope_of(request, body)
        row = self.found(request, pk)
        _require_own(body, row)
        return body, row


class RecurringPause(RecurringVerb):
    def post(self, request: Request, pk: str) -> Response:
        _, row = self.asked(request, pk)
        return Response(recurring_detail(recurring_pause(row=row, source=source_of(request))))


class RecurringResume(RecurringVerb):
    def post(self, request: Request, pk: str) -> Response:
        _, row = self.asked(request, pk)
        return Response(recurring_detail(recurring_resume(row=row, source=source_of(request))))


class RecurringBackfill(RecurringVerb):
    """Each occurrence of the span that was not fired yet, once."""

    heavy_from = 0

    def post(self, request: Request, pk: str) -> Response:
        body, row = self.asked(request, pk)
        made = recurring_backfill(row=row, span=_span(body), source=source_of(request))
        return Response(
            {
                "id": str(row.pk),
                "occurrences": len(made),
                "dispatched": sum(one.was_dispatched for one in made),
                "results": [one.wire() for one in made],
            }
        )


class RecurringFirings(RecurringEndpoint):
    """The newest occurrences first; also of one that was deleted, as long as retention keeps them."""

    def get(self, request: Request, pk: str) -> Response:
        key = as_uuid(pk)
        if key is None:
            raise not_found("there is no such recurring action")
        seen = RecurringFiring.objects.filter(**caller_of(request).action_lookups())
        rows = seen_rows(request, seen.filter(recurring_id=key))
        if not rows.exists():
            self.found(request, pk)
        return page_response(request, "firings", rows.order_by("-occurrence"), firing_shape)


class RecurringNext(RecurringEndpoint):
    def get(self, request: Request, pk: str) -> Response:
        row = self.found(request, pk)
        count = integer_of(request, "count", NEXT, lowest=1, highest=MOST_NEXT)
        viewer = request.query_params.get("timezone", "UTC")
        if problem := zone_problem(viewer):
            raise bad_query(f"timezone {problem}", [FieldProblem("timezone", problem)])
        found = upcoming(row, db_now(), viewer, count)
        return Response(
            {
                "id": str(row.pk),
                "timezone": row.timezone,
                "viewer_timezone": viewer,
                "next": [upcoming_shape(one) for one in found],
                "count": len(found),
            }
        )


def _require_covered(request: Request, spec: Mapping[str, Any]) -> None:
    """Raise 403 where the key could not dispatch the action itself."""
    if all(isinstance(spec.get(name), str) for name in NAMES):
        require_action(request, spec)


def _require_own(body: Mapping[str, Any], row: RecurringAction) -> None:
    if any(body.get(name) not in (None, getattr(row, name)) for name in SCOPE):
        raise not_found("there is no such recurring action")


def _span(body: Mapping[str, Any]) -> Span:
    """Raises 422 with every problem."""
    start, end = parse_time(body.get("start")), parse_time(body.get("end"))
    problems = [
        FieldProblem(name, "must be an RFC 3339 time with offset, like 2026-01-31T12:00:00Z")
        for name, moment in (("start", start), ("end", end))
        if moment is None
    ]
    limit = USUAL if body.get("limit") is None else body["limit"]
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST:
        problems.append(FieldProblem("limit", f"must be a whole number from 1 to {MOST}"))
    overlap = body.get("overlap_policy")
    if overlap is not None and overlap not in OVERLAPS:
        problems.append(FieldProblem("overlap_policy", f"must be one of {', '.join(OVERLAPS)}"))
    if problems or not isinstance(start, datetime) or not isinstance(end, datetime):
        raise invalid_fields(problems)
    return Span(start, end, limit, overlap or "")
