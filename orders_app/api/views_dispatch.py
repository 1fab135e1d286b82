"""POST /v1/dispatch and /v1/dispatch/batch."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import AppError
from acteon_site.base.principals import Role
from acteon_site.base.tracing import PARENT, STATE, trace_of_headers
from acteon_site.http.endpoint import Endpoint, caller_of, flag_of, request_id_of
from orders_app.api.demo_clock import demo_now_of
from orders_app.api.together import answer_together, key_scope
from orders_app.pipeline.dry_run import dry_run_many
from orders_app.pipeline.items import Submission
from orders_app.services.answers import Answer, answer_of
from orders_app.services.idempotency import HEADER, KeyUse, key_use
from orders_app.services.placing import DispatchRequest, requests_answer

MAX_BATCH = 1000


class Dispatch(Endpoint):
    """One action in, its outcome out. Throttled, Failed and the like are 200: the outcome is the answer."""

    write_role = Role.OPERATOR

    def post(self, request: Request) -> Response:
        body, submission = request.data, submission_of(request)
        if flag_of(request, "dry_run"):
            return _response(answer_of(dry_run_many([body], submission), is_batch=False))
        use = key_use_of(request, submission)
        return _response(answer_together(DispatchRequest([body], submission, use=use)))


class DispatchBatch(Endpoint):
    """Up to 1000 actions in, as many results out, in order. A malformed item fails alone."""

    write_role = Role.OPERATOR
    heavy_from = 8 * 1024

    def post(self, request: Request) -> Response:
        bodies, submission = _bodies(request), submission_of(request)
        if flag_of(request, "dry_run"):
            return _response(answer_of(dry_run_many(bodies, submission), is_batch=True))
        use = key_use_of(request, submission)
        (answer,) = requests_answer([DispatchRequest(bodies, submission, is_batch=True, use=use)])
        return _response(answer)


def submission_of(request: Request) -> Submission:
    trace = trace_of_headers(request.headers.get(PARENT), request.headers.get(STATE))
    moment, clock = timezone.now(), demo_now_of(request)
    return Submission(caller_of(request), request_id_of(request), moment, clock, trace=trace)


def key_use_of(request: Request, submission: Submission) -> KeyUse | None:
    """Raises 422 where the Idempotency-Key cannot be one."""
    given = request.headers.get(HEADER)
    if given is None:
        return None
    return key_use(
        given,
        scope=key_scope(submission.caller, request.data),
        method=request.method or "",
        path=request.get_full_path(),
        raw_body=getattr(request._request, "raw_body", b""),
    )


def _bodies(request: Request) -> list[Any]:
    if not isinstance(request.data, list):
        raise AppError("a batch must be a JSON array of actions", "MALFORMED", 400)
    if len(request.data) > MAX_BATCH:
        raise AppError(
            f"a batch holds at most {MAX_BATCH} actions, not {len(request.data)}", "BATCH_TOO_LARGE", 400
        )
    return request.data


def _response(answer: Answer | AppError) -> Response:
    if isinstance(answer, AppError):
        raise answer
    return Response(answer.body, status=answer.status, headers=answer.headers)
