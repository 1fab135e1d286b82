"""Reading the trail: GET /v1/audit, GET /v1/audit/{action_id}, POST /v1/audit/verify, GET /v1/compliance/status."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.breathing import in_breaths
from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import FieldProblem, bad_query, invalid_field, not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from acteon_site.base.replica import reads_replica
from acteon_site.http.endpoint import (
    Endpoint,
    Page,
    body_of,
    caller_of,
    page_of,
    query_time,
    require_global,
    scope_of,
)
from audit_app import selectors
from audit_app.api.cursors import cursor_after, position_of
from audit_app.api.shapes import record_shape, verification_shape
from audit_app.compliance import trail_is_locked
from audit_app.models import AuditRecord
from audit_app.records.vocabulary import OUTCOMES, VERDICTS
from audit_app.services.verify import audit_verify

FILTERS = (
    "namespace",
    "tenant",
    "provider",
    "action_type",
    "outcome",
    "verdict",
    "matched_rule",
    "caller_id",
    "chain_id",
)
# Filters of a closed vocabulary: a word that stands in no record is a mistake, not an empty answer.
KNOWN = {"outcome": OUTCOMES, "verdict": VERDICTS}
DEFAULT_LIMIT = 50


class AuditList(Endpoint):
    @reads_replica
    def get(self, request: Request) -> Response:
        page = page_of(request, default=DEFAULT_LIMIT)
        records = filtered_records(request)
        cursor = request.query_params.get("cursor")
        after = position_of(cursor) if cursor is not None else None
        found = selectors.audit_page(records, limit=page.limit, offset=page.offset, after=after)
        body = _page_body(found, page)
        total = selectors.audit_total(records) if cursor is None else None
        if total is not None:
            body["total"] = total
        return Response(body)


class AuditDetail(Endpoint):
    def get(self, request: Request, action_id: str) -> Response:
        seen = selectors.records_seen_by(caller_of(request))
        record = selectors.newest_outcome(seen, action_id)
        if record is None:
            raise not_found("no dispatch of that action is on record")
        shape = record_shape(record, selectors.expiries([record]).get(record.pk))
        if record.outcome == "grouped":
            shape["flush"] = _flush_of(seen, record)
        return Response(shape)


def _flush_of(seen: QuerySet[AuditRecord], record: AuditRecord) -> dict[str, Any] | None:
    """What became of the group that the action came into; None while its call has not ended."""
    group_id = str(record.outcome_details.get("group_id", ""))
    scope = {"namespace": record.namespace, "tenant": record.tenant}
    row = seen.filter(**scope, action_id=group_id, verdict="group").order_by("-dispatched_at").first()
    return record_shape(row, selectors.expiries([row]).get(row.pk)) if row else None


class AuditVerify(Endpoint):
    write_role = Role.VIEWER  # it reads only
    heavy_from = 0

    def post(self, request: Request) -> Response:
        body = body_of(request)
        namespace, tenant = _trail_of(request, body)
        result = audit_verify(
            namespace=namespace, tenant=tenant, since=_body_time(body, "from"), until=_body_time(body, "to")
        )
        return Response(verification_shape(result))


class ComplianceStatus(Endpoint):
    """What the trail can be relied on for.

    Records commit with what they tell of, and are chained by hashes. In a compliance mode the database refuses to
    change them; whoever owns the database could still take that lock off, which the chain would show.
    """

    def get(self, request: Request) -> Response:
        return Response(
            {
                "mode": settings.COMPLIANCE_MODE,
                "sync_audit_writes": True,
                "immutable_audit": trail_is_locked(),
                "hash_chain": True,
            }
        )


def _trail_of(request: Request, body: dict[str, Any]) -> tuple[str, str]:
    """Namespace and tenant of the body; both empty mean the trail of what belongs to no tenant."""
    if body.get("namespace") == body.get("tenant") == "":
        require_global(request)
        return "", ""
    return scope_of(request, body)


def filtered_records(request: Request) -> QuerySet[AuditRecord]:
    """The records that the query asks for, as far as the caller's scope goes."""
    records = selectors.records_seen_by(caller_of(request))
    for name in FILTERS:
        given = request.query_params.get(name)
        if given is None:
            continue
        if name in KNOWN:
            _require_known(name, given)
        if name == "chain_id" and as_uuid(given) is None:
            return AuditRecord.objects.none()
        records = records.filter(**{name: given})
    if since := query_time(request, "from"):
        records = records.filter(dispatched_at__gte=since)
    if until := query_time(request, "to"):
        records = records.filter(dispatched_at__lte=until)
    return records


def _require_known(name: str, word: str) -> None:
    if word not in KNOWN[name]:
        message = f"must be one of {', '.join(sorted(KNOWN[name]))}"
        raise bad_query(f"{name} {message}", [FieldProblem(name, message)])


def _page_body(found: list[AuditRecord], page: Page) -> dict[str, Any]:
    shown = found[: page.limit]
    expiries = selectors.expiries(shown)
    body: dict[str, Any] = {
        "records": [record_shape(record, expiries.get(record.pk)) for record in in_breaths(shown)],
        "limit": page.limit,
        "offset": page.offset,
    }
    if len(found) > page.limit:
        body["next_cursor"] = cursor_after(shown[-1])
    return body


def _body_time(body: dict[str, Any], name: str) -> datetime | None:
    given = body.get(name)
    if given is None:
        return None
    moment = parse_time(given)
    if moment is None:
        raise invalid_field(name, "must be an RFC 3339 time with offset, like 2026-01-31T12:00:00Z")
    return moment
