"""/v1/chains: runs, their detail and history, and what people ask of them; /v1/incidents."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import AppError, bad_query, invalid_field, not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.managed import MAX_ACTOR
from acteon_site.base.names import name_problem
from acteon_site.base.principals import Role
from acteon_site.base.replica import reads_replica
from acteon_site.http.endpoint import (
    Endpoint,
    asked_scope,
    body_of,
    caller_of,
    flag_of,
    page_of,
    scope_of,
    source_of,
)
from chains_app.api.run_shapes import (
    dead_letter_shapes,
    incident_shape,
    run_dag,
    run_detail,
    run_history,
    run_row,
)
from chains_app.models import Incident, Run
from chains_app.services.cancelling import chain_cancel
from chains_app.services.inline import CANCEL_SECONDS, run_settle
from chains_app.services.repair import (
    MOST,
    dead_letter_replay,
    dead_letters,
    dead_letters_drain,
    incidents_preview,
    incidents_resume,
    open_incidents,
)
from chains_app.services.resuming import run_retry, run_skip_step
from chains_app.services.settling import doubt_settle
from chains_app.services.signalling import run_signal
from chains_app.states import RunKind, RunStatus

INCIDENT_FILTERS = ("reason", "step", "chain_name")


class Chains(Endpoint):
    @reads_replica
    def get(self, request: Request) -> Response:
        namespace, tenant = scope_of(request)
        page, query = page_of(request), request.query_params
        runs = Run.objects.filter(namespace=namespace, tenant=tenant, kind=RunKind.CHAIN)
        runs = runs.filter(**caller_of(request).action_lookups())
        if status := query.get("status"):
            if status not in RunStatus.values:
                raise bad_query(f"status must be one of {', '.join(RunStatus.values)}")
            runs = runs.filter(status=status)
        if name := query.get("chain_name"):
            runs = runs.filter(chain_name=name)
        newest = runs.select_related("version").order_by("-started_at", "-id")
        rows = [run_row(run) for run in newest[page.offset : page.offset + page.limit]]
        return Response({"chains": rows, "count": len(rows)})


class RunEndpoint(Endpoint):
    write_role = Role.OPERATOR

    def found(self, request: Request, chain_id: str) -> Run:
        """The run, if the caller may see it; where the query names a scope, it must match."""
        pk = as_uuid(chain_id)
        seen = Run.objects.select_related("version").filter(**caller_of(request).action_lookups())
        run = seen.filter(pk=pk).first() if pk else None
        if run is None:
            raise not_found("no such chain")
        given = (
            request.query_params
            if request.method == "GET"
            else {**request.query_params.dict(), **body_of(request)}
        )
        for name in ("namespace", "tenant"):
            if given.get(name) not in (None, getattr(run, name)):
                raise not_found("no such chain")
        return run


class Chain(RunEndpoint):
    def get(self, request: Request, chain_id: str) -> Response:
        return Response(run_detail(self.found(request, chain_id)))


class ChainHistory(RunEndpoint):
    def get(self, request: Request, chain_id: str) -> Response:
        return Response(run_history(self.found(request, chain_id)))


class ChainDag(RunEndpoint):
    def get(self, request: Request, chain_id: str) -> Response:
        return Response(run_dag(self.found(request, chain_id)))


class ChainCancel(RunEndpoint):
    def post(self, request: Request, chain_id: str) -> Response:
        run, body = self.found(request, chain_id), body_of(request)
        scope_of(request, body)
        by = _text(body, "cancelled_by", MAX_ACTOR) or caller_of(request).caller_id
        chain_cancel(run_id=run.pk, actor=by, source=source_of(request), reason=_text(body, "reason"))
        run_settle(run.pk, CANCEL_SECONDS)
        return Response(run_detail(Run.objects.get(pk=run.pk)))


class ChainRetry(RunEndpoint):
    def post(self, request: Request, chain_id: str) -> Response:
        run = self.found(request, chain_id)
        outcome = _text(body_of(request), "outcome")
        return Response(run_detail(run_retry(run_id=run.pk, outcome=outcome, **_who(request))))


class ChainSettle(RunEndpoint):
    """What a person has found out of a call in doubt of a run that has ended."""

    def post(self, request: Request, chain_id: str) -> Response:
        run, body = self.found(request, chain_id), body_of(request)
        found: dict[str, Any] = {name: _text(body, name) for name in ("outcome", "step", "reason")}
        doubt_settle(run_id=run.pk, **found, **_who(request))
        run_settle(run.pk, CANCEL_SECONDS)
        return Response(run_detail(Run.objects.get(pk=run.pk)))


class ChainSignal(RunEndpoint):
    def post(self, request: Request, chain_id: str) -> Response:
        run, body = self.found(request, chain_id), body_of(request)
        name, payload = body.get("signal"), body.get("payload")
        if problem := name_problem(name):
            raise invalid_field("signal", problem)
        if payload is not None and not isinstance(payload, dict):
            raise invalid_field("payload", "must be an object")
        run_signal(run_id=run.pk, name=str(name), payload=payload, actor=caller_of(request).caller_id)
        return Response(run_detail(Run.objects.get(pk=run.pk)))


def _who(request: Request) -> dict[str, Any]:
    """Who asks, as the services of repair take it."""
    return {"actor": caller_of(request).caller_id, "source": source_of(request)}


def _text(body: dict[str, Any], name: str, longest: int = 1000) -> str:
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > longest):
        raise invalid_field(name, f"must be text of at most {longest} characters")
    return value or ""


class Incidents(Endpoint):
    """Runs that wait for a person; `all=true` lists the resolved ones too."""

    @reads_replica
    def get(self, request: Request) -> Response:
        namespace, tenant = scope_of(request)
        page = page_of(request)
        incidents = Incident.objects.filter(run__namespace=namespace, run__tenant=tenant)
        incidents = incidents.filter(**caller_of(request).action_lookups("run__")).select_related("run")
        if not flag_of(request, "all"):
            incidents = incidents.filter(resolved_at__isnull=True)
        newest = incidents.order_by("-opened_at")[page.offset : page.offset + page.limit]
        rows = [incident_shape(incident) for incident in newest]
        return Response({"incidents": rows, "count": len(rows)})


class IncidentsResume(Endpoint):
    """Retry many parked runs at once; `dry_run=true` shows which."""

    write_role = Role.OPERATOR
    heavy_from = 0

    def post(self, request: Request) -> Response:
        namespace, tenant = scope_of(request)
        query = request.query_params
        given: dict[str, Any] = {name: query[name] for name in INCIDENT_FILTERS if name in query}
        waiting = open_incidents(namespace=namespace, tenant=tenant, **given)
        incidents = list(waiting.filter(**caller_of(request).action_lookups("run__"))[:MOST])
        if flag_of(request, "dry_run"):
            shown = [_resumed(seen.row, seen.error) for seen in incidents_preview(incidents=incidents)]
            return Response({"dry_run": True, "resumed": 0, "failed": 0, "incidents": shown})
        outcomes = incidents_resume(incidents=incidents, **_who(request))
        now = Incident.objects.select_related("run").in_bulk([done.row.pk for done in outcomes])
        shown = [_resumed(now.get(done.row.pk, done.row), done.error) for done in outcomes]
        failed = sum(1 for done in outcomes if done.error)
        return Response(
            {"dry_run": False, "resumed": len(outcomes) - failed, "failed": failed, "incidents": shown}
        )


def _resumed(incident: Incident, error: AppError | None) -> dict[str, Any]:
    return {**incident_shape(incident), "error": str(error) if error else None}


def _letters(request: Request) -> QuerySet[Run]:
    """Dead letters of the scope that the query names; clients name none and mean all that their key may see."""
    return dead_letters(**asked_scope(request)).filter(**caller_of(request).action_lookups())


class DeadLetterStats(Endpoint):
    @reads_replica
    def get(self, request: Request) -> Response:
        return Response({"enabled": True, "count": _letters(request).count()})


class DeadLetters(Endpoint):
    """What would be drained; each can be replayed through POST /v1/dlq/{id}/replay."""

    @reads_replica
    def get(self, request: Request) -> Response:
        page = page_of(request)
        letters = _letters(request).select_related("version")[page.offset : page.offset + page.limit]
        shown = dead_letter_shapes(list(letters))
        return Response({"entries": shown, "count": len(shown)})


class DeadLetterReplay(RunEndpoint):
    """One dead letter goes on at its failed step; its id is its run's. Of several who ask, one does it."""

    def post(self, request: Request, chain_id: str) -> Response:
        run = self.found(request, chain_id)
        return Response(run_detail(dead_letter_replay(run_id=run.pk, **_who(request))))


class DeadLetterDrain(Endpoint):
    """Answers the dead letters and takes them off the list; the runs themselves stay."""

    write_role = Role.OPERATOR
    heavy_from = 0

    def post(self, request: Request) -> Response:
        drained = dead_letters_drain(letters=_letters(request), **_who(request))
        entries = dead_letter_shapes(drained)
        return Response({"entries": entries, "count": len(entries)})


class IncidentAction(Endpoint):
    """What a person decides of a parked run: `verb` is retry, skip or cancel; `settle` of one that was given up in
    doubt."""

    write_role = Role.OPERATOR
    verb = "retry"

    def post(self, request: Request, incident_id: str) -> Response:
        pk, caller = as_uuid(incident_id), caller_of(request)
        settles = self.verb == "settle"
        waiting = Incident.objects.select_related("run").filter(resolved_at__isnull=not settles)
        seen = waiting.filter(**caller.action_lookups("run__"))
        incident = seen.filter(pk=pk).first() if pk else None
        if incident is None:
            raise not_found(f"no such {'resolved' if settles else 'open'} incident")
        self._act(request, incident)
        incident.refresh_from_db()
        return Response(incident_shape(incident))

    def _act(self, request: Request, incident: Incident) -> None:
        body, run_id, seen = body_of(request), incident.run_id, incident.pk
        if self.verb == "cancel":
            chain_cancel(run_id=run_id, reason=_text(body, "reason"), incident=seen, **_who(request))
            return
        if self.verb == "settle":
            found: dict[str, Any] = {name: _text(body, name) for name in ("outcome", "reason")}
            doubt_settle(run_id=run_id, step=incident.step, **found, **_who(request))
            return
        act = run_skip_step if self.verb == "skip" else run_retry
        act(run_id=run_id, outcome=_text(body, "outcome"), incident=seen, **_who(request))
