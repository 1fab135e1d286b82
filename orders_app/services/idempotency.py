"""Idempotency-Key: the first answer is kept 24 hours, encrypted, and given again to the same request.

The key is claimed in a transaction of its own before the work begins, with a lock that ends after a minute, whatever
became of its process. Where nothing began (every action was refused before the gates) nothing is kept: what was wrong
can be put right and sent under the same key. What the answer needs is written in the transaction that commits the
orders, so a take-over after a crash rebuilds it and never gates again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from rest_framework.request import Request

from acteon_site.base.clock import db_now
from acteon_site.base.digest import keyed_hash
from acteon_site.base.errors import AppError, FieldProblem, invalid, unavailable
from acteon_site.base.names import name_problem
from orders_app.contract.outcomes import Outcome
from orders_app.models import RememberedAnswer
from orders_app.pipeline.dispatch import InTransaction
from orders_app.pipeline.dry_run import dry_run_many
from orders_app.pipeline.items import Processed, Submission
from orders_app.services.rebuild import kept_outcomes, rebuilt_outcomes

HEADER = "Idempotency-Key"
MAX_KEY = 255
KEPT = timedelta(hours=24)
LOCKED = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    memorable: bool = True


Work = Callable[[InTransaction | None], Answer]


def answered_once(request: Request, submission: Submission, work: Work) -> Answer:
    """The work's answer, or the one that the same key was given before.

    Raises 422 (the key was used for another request) and 409 (the first is still running).
    """
    given = request.headers.get(HEADER)
    if given is None:
        return work(None)
    if problem := _key_problem(given):
        raise invalid(f"{HEADER} {problem}", [FieldProblem(HEADER, problem)])
    key = keyed_hash(_scope(request, submission), given)
    row = _claim(key, _request_hash(request))
    if row.status_code is not None:
        return Answer(
            row.status_code, row.body["body"], {**row.body["headers"], "Idempotency-Replayed": "true"}
        )
    if row.kept is not None:
        return _finish(key, _rebuilt(row, request, submission))
    return _first(row, request, work)


def _key_problem(given: str) -> str | None:
    if len(given) > MAX_KEY:
        return f"must have at most {MAX_KEY} characters"
    return name_problem(given, card_allowed=True)  # only its keyed hash is kept


def _scope(request: Request, submission: Submission) -> str:
    """Per API key; without keys per tenant."""
    if submission.caller.idempotency_scope:
        return submission.caller.idempotency_scope
    body = request.data[0] if isinstance(request.data, list) and request.data else request.data
    return f"{body.get('namespace')}\n{body.get('tenant')}" if isinstance(body, dict) else ""


def _request_hash(request: Request) -> str:
    return keyed_hash(request.method or "", request.get_full_path(), raw_body(request))


def raw_body(request: Request) -> str:
    """The body's bytes as text for the hash (latin-1 maps them one to one)."""
    raw: bytes = getattr(request._request, "raw_body", b"")
    return raw.decode("latin-1")


def _claim(key: str, request_hash: str) -> RememberedAnswer:
    now = db_now()
    with transaction.atomic():
        fresh = {"request_hash": request_hash, "locked_until": now + LOCKED, "expires_at": now + KEPT}
        row, made = RememberedAnswer.objects.select_for_update().get_or_create(key=key, defaults=fresh)
        if made:
            return row
        if row.expires_at <= now or _nothing_began(row, now):
            row.delete()
            return RememberedAnswer.objects.create(key=key, **fresh)
        if row.request_hash != request_hash:
            raise AppError(f"this {HEADER} was used for another request", "IDEMPOTENCY_MISMATCH", 422)
        if row.status_code is None and row.locked_until > now:
            raise _still_running()
        if row.status_code is None:
            row.locked_until = now + LOCKED
            row.save(update_fields=["locked_until"])
    return row


def _nothing_began(row: RememberedAnswer, now: datetime) -> bool:
    """Its process died before it committed anything. Were it only slow, it finds its lock gone and commits nothing."""
    return row.status_code is None and row.kept is None and row.locked_until <= now


def _still_running() -> AppError:
    wait = {"Retry-After": "1"}
    message = f"the first request with this {HEADER} is still running"
    return AppError(message, "IDEMPOTENCY_IN_PROGRESS", 409, retryable=True, headers=wait)


def _first(row: RememberedAnswer, request: Request, work: Work) -> Answer:
    count = len(request.data) if isinstance(request.data, list) else 1

    def remember(processed: Sequence[Processed]) -> None:
        # Where this took longer than its own lock, another request has taken over: then it must not commit.
        ours = RememberedAnswer.objects.filter(key=row.key, locked_until=row.locked_until)
        if not ours.update(kept=kept_outcomes(processed, count)):
            raise _still_running()

    try:
        answer = work(remember)
    except (
        Exception
    ):  # refused at the door, or broken: a repeat may try at once, or takes over what was committed
        _forget(row)
        raise
    return _finish(row.key, answer)


def _forget(row: RememberedAnswer) -> None:
    """Let the same key try anew; where its order was committed, a take-over rebuilds the answer instead."""
    RememberedAnswer.objects.filter(key=row.key, locked_until=row.locked_until, kept__isnull=True).delete()


def _finish(key: str, answer: Answer) -> Answer:
    if answer.memorable:
        body = {"body": answer.body, "headers": dict(answer.headers)}
        RememberedAnswer.objects.filter(key=key).update(status_code=answer.status, body=body)
    else:
        RememberedAnswer.objects.filter(key=key).delete()
    return answer


def _rebuilt(row: RememberedAnswer, request: Request, submission: Submission) -> Answer:
    outcomes = rebuilt_outcomes(row.kept)
    headers = {"Idempotency-Replayed": "true"}
    if isinstance(request.data, list):
        memorable = all(not isinstance(outcome, Outcome) or outcome.memorable for outcome in outcomes)
        items = [
            outcome.batch_wire() if isinstance(outcome, Outcome) else _error_again(outcome, body, submission)
            for outcome, body in zip(outcomes, request.data, strict=True)
        ]
        return Answer(200, items, headers, memorable)
    (only,) = outcomes
    if not isinstance(only, Outcome):
        raise AssertionError("a single action that was committed has its outcome")
    if only.dedup_reason:
        headers["X-Dedup-Reason"] = only.dedup_reason
    return Answer(200, only.wire(), headers, only.memorable)


def _error_again(kept: AppError | None, body: Any, submission: Submission) -> Any:
    """An item's error. Of one that was refused before the gates nothing is kept: the same bytes, so the same error."""
    (result,) = [kept] if kept else dry_run_many([body], submission)
    error = (
        result
        if isinstance(result, AppError)
        else unavailable("its answer was lost; send it under a new key")
    )
    return error.item()
