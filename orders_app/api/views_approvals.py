"""/v1/approvals: the list for callers, and the signed links for approvers.

GET and HEAD decide nothing, whatever a mail scanner follows. A link opened in a browser shows the order and a
button; only its POST decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import AppError, bad_query, not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.money import as_shown
from acteon_site.base.replica import reads_replica
from acteon_site.base.source import Source
from acteon_site.http.endpoint import Endpoint, request_id_of, scope_of
from acteon_site.http.problem_pages import problem_page, wants_page
from audit_app.selectors import current_redactor
from orders_app.api.demo_clock import demo_now_of
from orders_app.api.holds import page_of_holds, seen_holds
from orders_app.api.in_words import in_words
from orders_app.api.shapes import approval_shape
from orders_app.contract.actions import stored_action
from orders_app.contract.approval_links import APPROVE, DECISIONS, REJECT, LinkTarget, verified
from orders_app.models import Hold
from orders_app.services.decisions import Verdict
from orders_app.services.holds import already_decided
from orders_app.services.releases import approval_decide
from orders_app.states import Decision, HoldKind, HoldStatus

ACTOR = "approval link"
MAX_NAME = 256
MOST_SLASHES = 16  # in namespace and tenant together


class Approvals(Endpoint):
    @reads_replica
    def get(self, request: Request) -> Response:
        holds = seen_holds(request, scope_of(request), HoldKind.APPROVAL)
        approvals = [approval_shape(hold) for hold in page_of_holds(request, holds)]
        return Response({"approvals": approvals, "count": len(approvals)})


class SignedEndpoint(Endpoint):
    """The signature is the permission. A key, where one is sent, is not looked at."""

    authentication_classes = ()
    permission_classes = ()


class Approval(SignedEndpoint):
    def get(self, request: Request, namespace: str, tenant: str, approval_id: str) -> Response:
        hold = signed_hold(request, LinkParts(namespace, tenant, approval_id), DECISIONS)
        return Response(approval_shape(hold))


class ApprovalDecision(SignedEndpoint):
    """The link itself: `decision` is approve or reject, from the path."""

    decision = APPROVE

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # pages are no DRF responses
        refused: Response = super().handle_exception(exc)
        if not wants_page(self.request._request):
            return refused
        text = refused.data["message"]
        return problem_page(
            self.request._request,
            "This link decides nothing",
            f"{text[0].upper()}{text[1:]}.",
            refused.status_code,
        )

    def get(self, request: Request, namespace: str, tenant: str, approval_id: str) -> HttpResponse:
        hold = signed_hold(request, LinkParts(namespace, tenant, approval_id), (self.decision,))
        if wants_page(request._request):
            return approval_page(request._request, hold, self.decision)
        return Response(approval_shape(hold))

    def post(self, request: Request, namespace: str, tenant: str, approval_id: str) -> HttpResponse:
        hold = signed_hold(request, LinkParts(namespace, tenant, approval_id), (self.decision,))
        source, demo_now = Source(ACTOR, "approval_link", request_id_of(request)), demo_now_of(request)
        verdict = Verdict(Decision(self.decision), ACTOR, source)
        made = approval_decide(hold_id=hold.pk, verdict=verdict, demo_now=demo_now)
        if wants_page(request._request):
            hold.refresh_from_db()
            return approval_page(request._request, hold, self.decision)
        wire = made.outcome.wire() if made.outcome else None
        return Response({"id": str(hold.pk), "status": made.hold.status, "outcome": wire})


class Reject(ApprovalDecision):
    decision = REJECT


@dataclass(frozen=True, slots=True)
class LinkParts:
    """Namespace, tenant and approval id, from the path. Slashes in the first two arrive decoded."""

    namespace: str
    tenant: str
    approval_id: str

    def targets(self, expires_at: int) -> Iterator[LinkTarget]:
        """Whatever the path may mean; the signature says which."""
        path = f"{self.namespace}/{self.tenant}"
        # Every meaning costs signatures, and nobody has signed in yet: no more than names can be long.
        slashes = [place for place, letter in enumerate(path[: 2 * MAX_NAME + 2]) if letter == "/"]
        if len(path) > 2 * MAX_NAME + 1 or len(slashes) > MOST_SLASHES:
            return
        for place in slashes:
            yield LinkTarget(path[:place], path[place + 1 :], self.approval_id, expires_at)


def signed_hold(request: Request, parts: LinkParts, decisions: tuple[str, ...]) -> Hold:
    """The approval that the link is for. One answer for a bad signature, an unknown id or key, and expiry."""
    signature, expires_at = request.query_params.get("sig"), request.query_params.get("expires_at")
    if not signature or not expires_at or not (expires_at.isascii() and expires_at.isdigit()):
        raise bad_query("the link is incomplete: it needs sig and expires_at")
    kid, keys = request.query_params.get("kid"), settings.APPROVAL_KEYS
    meant = (
        target
        for target in parts.targets(int(expires_at[:15]))
        if any(verified(keys, target, decision, signature, kid) for decision in decisions)
    )
    target = next(meant, None)
    hold = _hold(target) if target else None
    if target is None or hold is None or int(hold.due_at.timestamp()) != target.expires_at:
        raise _no_approval()
    if hold.status == HoldStatus.EXPIRED:
        raise _no_approval()
    if request.method == "POST" and (hold.status != HoldStatus.PENDING or hold.taken):
        raise already_decided()
    return hold


def _hold(target: LinkTarget) -> Hold | None:
    pk = as_uuid(target.approval_id)
    holds = Hold.objects.filter(kind=HoldKind.APPROVAL, namespace=target.namespace, tenant=target.tenant)
    return holds.select_related("action", "order").filter(pk=pk).first() if pk else None


def _no_approval() -> AppError:
    return not_found("no such approval, or its time is over")


def approval_page(request: HttpRequest, hold: Hold, decision: str) -> HttpResponse:
    action = stored_action(hold.action.body)
    payload = current_redactor().scrubber(action.payload, action.tainted).payload
    shown = (as_shown(name, value, payload.get("currency")) for name, value in payload.items())
    context = {
        "hold": hold,
        "decision": decision,
        # As pairs: a template reads `payload.items` as the order's own field of that name.
        "fields": [(name, in_words(value)) for name, value in shown],
        "pending": hold.status == HoldStatus.PENDING and not hold.taken,
        # A link says nothing of who holds it, so that it cannot be the second person.
        "needs_second": bool(hold.first_by) and decision == APPROVE,
    }
    response = render(request, "orders_app/approval.html", context)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
