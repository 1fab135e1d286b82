"""POST /v1/audit/{action_id}/replay and /v1/audit/replay."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import bad_query, not_found
from acteon_site.base.principals import Role
from acteon_site.http.endpoint import (
    Endpoint,
    asked_scope,
    body_of,
    caller_of,
    integer_of,
    request_id_of,
    scope_of,
)
from audit_app.api.views_audit import filtered_records
from audit_app.selectors import records_seen_by
from orders_app.services.replay import (
    REPLAYABLE,
    Replayed,
    action_replay,
    original_of,
    originals_of,
    submission_for,
)


class Replay(Endpoint):
    write_role = Role.OPERATOR

    def post(self, request: Request, action_id: str) -> Response:
        caller = caller_of(request)
        namespace, tenant = _scope(request, action_id)
        original = original_of(namespace, tenant, action_id, caller)
        return Response(action_replay(original, submission_for(caller, request_id_of(request))).wire())


def _scope(request: Request, action_id: str) -> tuple[str, str]:
    """Named in query or body, else found by the action among what the caller may see."""
    named = {**body_of(request), **request.query_params.dict()}
    if "namespace" in named or "tenant" in named:
        return scope_of(request, named)
    records = records_seen_by(caller_of(request)).filter(action_id=action_id)
    seen = list(records.order_by().values_list("namespace", "tenant").distinct()[:2])
    if len(seen) > 1:
        raise bad_query("several tenants have an action of this id: name namespace and tenant")
    if not seen:
        raise not_found(f"no action has the id {action_id!r} here")
    return seen[0]


class ReplayMany(Endpoint):
    write_role = Role.OPERATOR
    heavy_from = 0

    def post(self, request: Request) -> Response:
        """Clients name no scope and mean all that their key may see."""
        asked_scope(request)
        limit = integer_of(request, "limit", 100, lowest=1, highest=1000)
        records = filtered_records(request)
        if "outcome" not in request.query_params:
            records = records.filter(outcome__in=REPLAYABLE)
        caller = caller_of(request)
        originals, missing = originals_of(records, caller, limit=limit)
        submission = submission_for(caller, request_id_of(request))
        results = [action_replay(original, submission) for original in originals]
        return Response(_summary(results, missing))


def _summary(results: list[Replayed], missing: int) -> dict[str, Any]:
    return {
        "replayed": sum(1 for result in results if result.outcome and not result.error),
        "failed": sum(1 for result in results if result.error and not result.skipped),
        "skipped": sum(1 for result in results if result.skipped) + missing,
        "results": [result.wire() for result in results],
    }
