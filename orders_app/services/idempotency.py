"""Idempotency-Key: the first answer is kept 24 hours, encrypted, and given again to the same request.

Keys are claimed, and answers kept, by the transaction that commits the orders, for all requests of a set by the same
statements. Of equal requests at the same time the later ones wait for that transaction and find its answer. A crash
before the commit leaves nothing, and where nothing began (every action was refused before the gates) nothing is kept:
what was wrong can be put right and sent under the same key.

An answer that waits for a provider's call is kept in a transaction of its own, behind a lock of a minute. Until then
the row has what a take-over rebuilds it from, so that a process that dies between the two gates nothing again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from acteon_site.base.clock import db_now, stored_time
from acteon_site.base.digest import keyed_hash
from acteon_site.base.errors import AppError, FieldProblem, invalid
from acteon_site.base.many_rows import rows_update
from acteon_site.base.names import name_problem
from orders_app.models import RememberedAnswer
from orders_app.services.answers import Answer

HEADER = "Idempotency-Key"
MAX_KEY = 255
KEPT = timedelta(hours=24)
LOCKED = timedelta(seconds=60)
REPLAYED = {"Idempotency-Replayed": "true"}


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A request's Idempotency-Key: the keyed hashes of caller and key, and of the request."""

    key: str
    request_hash: str


@dataclass(slots=True)
class Claims:
    """What became of the keys of a set. `fresh` are ours: the row has to be kept or dropped before the commit.

    `answers`: given before, or an error. `unfinished`: committed, but nobody has kept the answer; it is to be rebuilt.
    """

    fresh: dict[str, RememberedAnswer] = field(default_factory=dict)
    answers: dict[str, Answer | AppError] = field(default_factory=dict)
    unfinished: dict[str, RememberedAnswer] = field(default_factory=dict)


def key_use(given: str, *, scope: str, method: str, path: str, raw_body: bytes) -> KeyUse:
    """Raises 422 where the key cannot be one. `scope`: per API key; without keys per tenant."""
    if problem := _key_problem(given):
        raise invalid(f"{HEADER} {problem}", [FieldProblem(HEADER, problem)])
    # latin-1 maps bytes to text one to one.
    return KeyUse(keyed_hash(scope, given), keyed_hash(method, path, raw_body.decode("latin-1")))


def _key_problem(given: str) -> str | None:
    if len(given) > MAX_KEY:
        return f"must have at most {MAX_KEY} characters"
    return name_problem(given, card_allowed=True)  # only its keyed hash is kept


def keys_claim(uses: Collection[KeyUse], refused: Collection[str]) -> Claims:
    """Claim these keys, each different from the others, in the transaction of their set and before its gates.

    Those in `refused` are of requests in which nothing can begin: what was answered before is given again, and else
    nothing is claimed. All are locked in the order of the keys, by at most three statements.
    """
    ordered = sorted(uses, key=lambda use: use.key)
    claims = Claims(fresh=_insert([use for use in ordered if use.key not in refused]))
    known = [use for use in ordered if use.key not in claims.fresh]
    if known:
        _judge(known, refused, claims)
    return claims


def _judge(known: Sequence[KeyUse], refused: Collection[str], claims: Claims) -> None:
    now = db_now()
    found = RememberedAnswer.objects.select_for_update().filter(key__in=[use.key for use in known])
    rows = {row.key: row for row in found.order_by("key")}
    for use in known:
        row = rows.get(use.key)
        if row is None or row.expires_at <= now or _nothing_began(row, now):
            if use.key not in refused:
                claims.fresh[use.key] = _fresh(use, now)
        elif row.request_hash != use.request_hash:
            message = f"this {HEADER} was used for another request"
            claims.answers[use.key] = AppError(message, "IDEMPOTENCY_MISMATCH", 422)
        elif row.status_code is not None:
            claims.answers[use.key] = _again(row)
        elif row.locked_until > now:
            claims.answers[use.key] = _still_running()
        else:
            row.locked_until = now + LOCKED
            claims.unfinished[use.key] = row


def _fresh(use: KeyUse, now: datetime) -> RememberedAnswer:
    return RememberedAnswer(
        key=use.key, request_hash=use.request_hash, locked_until=now + LOCKED, expires_at=now + KEPT
    )


def _again(row: RememberedAnswer) -> Answer:
    return Answer(row.status_code or 200, row.body["body"], {**row.body["headers"], **REPLAYED})


def _nothing_began(row: RememberedAnswer, now: datetime) -> bool:
    """As a process of an earlier release leaves it, which claimed before its transaction and then died."""
    return row.status_code is None and row.kept is None and row.locked_until <= now


def _still_running() -> AppError:
    wait = {"Retry-After": "1"}
    message = f"the first request with this {HEADER} is still running"
    return AppError(message, "IDEMPOTENCY_IN_PROGRESS", 409, retryable=True, headers=wait)


def _insert(uses: Sequence[KeyUse]) -> dict[str, RememberedAnswer]:
    """Those of the keys that nobody had. One that another transaction is just inserting is waited for."""
    if not uses:
        return {}
    on_sqlite = connection.vendor == "sqlite"
    now = timezone.now()
    row = "(%s, %s, %s, %s)" if on_sqlite else "(%s, %s, clock_timestamp() + %s, clock_timestamp() + %s)"
    moment = connection.ops.adapt_datetimefield_value
    spans = (moment(now + LOCKED), moment(now + KEPT)) if on_sqlite else (LOCKED, KEPT)
    table = RememberedAnswer._meta.db_table
    sql = (
        f"INSERT INTO {table} (key, request_hash, locked_until, expires_at) "  # noqa: S608 - a model's own name
        f"VALUES {', '.join([row] * len(uses))} ON CONFLICT (key) DO NOTHING "
        "RETURNING key, request_hash, locked_until, expires_at"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [part for use in uses for part in (use.key, use.request_hash, *spans)])
        rows = cursor.fetchall()
    return {key: _inserted(key, request_hash, *moments) for key, request_hash, *moments in rows}


def _inserted(key: str, request_hash: str, locked_until: Any, expires_at: Any) -> RememberedAnswer:
    moments = {"locked_until": stored_time(locked_until), "expires_at": stored_time(expires_at)}
    return RememberedAnswer(key=key, request_hash=request_hash, **moments)


def rows_keep(rows: Iterable[RememberedAnswer]) -> None:
    """Write rows of claims as they are now, in one statement."""
    ordered = sorted(rows, key=lambda row: row.key)
    if ordered:
        RememberedAnswer.objects.bulk_create(
            ordered,
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["request_hash", "kept", "status_code", "body", "locked_until", "expires_at"],
        )


def answer_put(row: RememberedAnswer, answer: Answer) -> None:
    row.status_code = answer.status
    row.body = {"body": answer.body, "headers": dict(answer.headers)}


def keys_drop(keys: Collection[str]) -> None:
    """Let these keys try anew."""
    if keys:
        RememberedAnswer.objects.filter(key__in=keys).delete()


def answers_finish(answers: Mapping[str, Answer | AppError]) -> None:
    """Keep the answers that waited for their calls, by their keys. An error opens no key again: it is rebuilt.

    A key that is not there any more keeps nothing.
    """
    ready = {key: answer for key, answer in answers.items() if isinstance(answer, Answer)}
    keys_drop([key for key, answer in ready.items() if not answer.memorable])
    rows = [RememberedAnswer(key=key) for key, answer in sorted(ready.items()) if answer.memorable]
    for row in rows:
        answer_put(row, ready[row.key])
    rows_update(rows, ["status_code", "body"])
