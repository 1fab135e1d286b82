"""POST /v1/dispatch and /v1/dispatch/batch."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import AppError
from acteon_site.base.principals import Role
from acteon_site.http.endpoint import Endpoint, caller_of, flag_of, request_id_of
from orders_app.api.demo_clock import demo_now_of
from orders_app.contract.outcomes import Outcome
from orders_app.pipeline.dispatch import dispatch_many
from orders_app.pipeline.dry_run import dry_run_many
from orders_app.pipeline.items import Submission
from orders_app.services.idempotency import Answer, answered_once

MAX_BATCH = 1000


class Dispatch(Endpoint):
    """One action in, its outcome out. Throttled, Failed and the like are 200: the outcome is the answer."""

    write_role = Role.OPERATOR

    def post(self, request: Request) -> Response:
        body, submission = request.data, submission_of(request)
        if flag_of(request, "dry_run"):
            return _single(dry_run_many([body], submission)[0])
        answer = answered_once(
            request,
            submission,
            lambda remember: _answer(dispatch_many([body], submission, in_transaction=remember).results[0]),
        )
        return Response(answer.body, status=answer.status, headers=answer.headers)


class DispatchBatch(Endpoint):
    """Up to 1000 actions in, as many results out, in order. A malformed item fails alone."""

    write_role = Role.OPERATOR
    heavy_from = 8 * 1024

    def post(self, request: Request) -> Response:
        bodies, submission = _bodies(request), submission_of(request)
        if flag_of(request, "dry_run"):
            return Response([_item(result) for result in dry_run_many(bodies, submission)])
        answer = answered_once(
            request,
            submission,
            lambda remember: _batch_answer(
                dispatch_many(bodies, submission, in_transaction=remember).results
            ),
        )
        return Response(answer.body, status=answer.status, headers=answer.headers)


def submission_of(request: Request) -> Submission:
    return Submission(caller_of(request), request_id_of(request), timezone.now(), demo_now_of(request))


def _bodies(request: Request) -> list[Any]:
    if not isinstance(request.data, list):
        raise AppError("a batch must be a JSON array of actions", "MALFORMED", 400)
    if len(request.data) > MAX_BATCH:
        raise AppError(
            f"a batch holds at most {MAX_BATCH} actions, not {len(request.data)}", "BATCH_TOO_LARGE", 400
        )
    return request.data


def _answer(result: Outcome | AppError) -> Answer:
    if isinstance(result, AppError):
        raise result
    headers = {"X-Dedup-Reason": result.dedup_reason} if result.dedup_reason else {}
    return Answer(200, result.wire(), headers, memorable=result.memorable)


def _single(result: Outcome | AppError) -> Response:
    answer = _answer(result)
    return Response(answer.body, status=answer.status, headers=answer.headers)


def _batch_answer(results: list[Outcome | AppError]) -> Answer:
    outcomes = [result for result in results if isinstance(result, Outcome)]
    # Of a batch of which nothing began nothing is kept; an empty one is answered alike each time.
    memorable = all(outcome.memorable for outcome in outcomes) and (bool(outcomes) or not results)
    return Answer(200, [_item(result) for result in results], {}, memorable=memorable)


def _item(result: Outcome | AppError) -> Any:
    return result.item() if isinstance(result, AppError) else result.batch_wire()
