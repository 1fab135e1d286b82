"""/v1/chains/{id}/timeline: every call of a run and of the runs below it, compensations too."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from acteon_site.http.endpoint import page_of
from chains_app.api.views_runs import RunEndpoint
from chains_app.services.timeline import Entry, run_timeline


class ChainTimeline(RunEndpoint):
    def get(self, request: Request, chain_id: str) -> Response:
        run, page = self.found(request, chain_id), page_of(request)
        entries = [entry_shape(entry) for entry in run_timeline(run, limit=page.limit, offset=page.offset)]
        about = {"chain_id": str(run.pk), "chain_name": run.chain_name, "status": run.status}
        return Response({**about, "entries": entries, "count": len(entries)})


def entry_shape(entry: Entry) -> dict[str, Any]:
    attempt = entry.attempt
    return {
        "chain_id": str(entry.run.pk),
        "chain_name": entry.run.chain_name,
        "step": entry.step,
        "attempt": attempt.number,
        "kind": entry.kind,
        "provider": attempt.provider,
        "action_type": entry.action_type,
        "idempotency_key": entry.key,
        "started_at": rfc3339(attempt.started_at),
        "completed_at": rfc3339_or_none(attempt.completed_at),
        "duration_ms": attempt.duration_ms,
        "success": attempt.success,
        "error": entry.error,
        "payload": entry.payload,
        "response_body": entry.answer,
    }
