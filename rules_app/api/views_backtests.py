"""/v1/rules/backtests: what other rules would have done with the orders of the past.

They show dispatches of all tenants, so all of it needs a key whose scopes are all `*`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.clock_text import parse_time, rfc3339, rfc3339_or_none
from acteon_site.base.errors import FieldProblem, bad_query, forbidden, invalid_field, not_found
from acteon_site.base.ids import as_uuid
from acteon_site.http.endpoint import asked_scope, body_of, caller_of, page_response
from rules_app.api.views_drafts import GlobalEndpoint
from rules_app.backtest_words import OUTCOMES
from rules_app.backtesting.tally import KINDS
from rules_app.models import Backtest, BacktestOrder
from rules_app.services.backtests import ANY, Asked, backtest_remove, backtest_request

WORDS = {"how": frozenset(KINDS), "from_outcome": OUTCOMES, "to_outcome": OUTCOMES}


class BacktestEndpoint(GlobalEndpoint):
    """For callers who may see every action."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not caller_of(request).covers_all_actions:
            raise forbidden("this needs a key whose providers and action types are *")


class BacktestList(BacktestEndpoint):
    def get(self, request: Request) -> Response:
        rows = Backtest.objects.defer("content", "summary")
        number = request.query_params.get("draft")
        if number is not None:
            if not number.isdecimal() or len(number) > 18:
                raise bad_query("draft must be a number", [FieldProblem("draft", "must be a number")])
            rows = rows.filter(draft=int(number))
        return page_response(request, "backtests", rows, backtest_shape)

    def post(self, request: Request) -> Response:
        asked = _asked(body_of(request))
        row = backtest_request(asked=asked, actor=caller_of(request).caller_id)
        return Response(whole_backtest_shape(row), status=202)


class BacktestDetail(BacktestEndpoint):
    def get(self, request: Request, backtest_id: str) -> Response:
        return Response(whole_backtest_shape(_found(backtest_id)))

    def delete(self, request: Request, backtest_id: str) -> Response:
        backtest_remove(pk=_found(backtest_id).pk)
        return Response(status=204)


class BacktestOrders(BacktestEndpoint):
    """The dispatches that would fare otherwise, the oldest first; some thousands at most are kept."""

    def get(self, request: Request, backtest_id: str) -> Response:
        return page_response(request, "orders", _filtered(request, _found(backtest_id)), order_shape)


def _filtered(request: Request, backtest: Backtest) -> QuerySet[BacktestOrder]:
    asked = {name: request.query_params[name] for name in WORDS if name in request.query_params}
    for name, word in asked.items():
        if word not in WORDS[name]:
            message = f"must be one of {', '.join(sorted(WORDS[name]))}"
            raise bad_query(f"{name} {message}", [FieldProblem(name, message)])
    return BacktestOrder.objects.filter(backtest=backtest, **asked, **asked_scope(request))


def _asked(body: dict[str, Any]) -> Asked:
    named = {name: body.get(name, ANY) for name in ("namespace", "tenant")}
    for name, value in named.items():
        if not isinstance(value, str):
            raise invalid_field(name, "must be text")
    return Asked(
        _moment(body, "from"), _moment(body, "to"), _number(body, "draft"), _number(body, "version"), **named
    )


def _moment(body: dict[str, Any], name: str) -> datetime:
    moment = parse_time(body.get(name))
    if moment is None:
        raise invalid_field(name, "must be an RFC 3339 time with offset, like 2026-01-31T12:00:00Z")
    return moment


def _number(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (type(value) is not int or not 0 < value < 2**63):
        raise invalid_field(name, "must be a positive whole number")
    return value


def _found(backtest_id: str) -> Backtest:
    key = as_uuid(backtest_id)
    row = Backtest.objects.defer("content").filter(pk=key).first() if key else None
    if row is None:
        raise not_found("there is no such backtest")
    return row


def backtest_shape(row: Backtest) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "state": row.state,
        "title": row.title,
        "draft": row.draft_id,
        "version": row.version,
        "newest_version": row.newest,
        "digest": row.digest,
        "from": rfc3339(row.begins_at),
        "to": rfc3339(row.ends_at),
        "namespace": row.namespace,
        "tenant": row.tenant,
        "requested_by": row.requested_by,
        "requested_at": rfc3339(row.requested_at),
        "finished_at": rfc3339_or_none(row.finished_at),
        "percent": row.percent,
        "problem": row.problem,
    }


def whole_backtest_shape(row: Backtest) -> dict[str, Any]:
    """With what was found; null while it is not over."""
    return {**backtest_shape(row), "summary": row.summary}


def order_shape(row: BacktestOrder) -> dict[str, Any]:
    return {
        "how": row.how,
        "note": row.note,
        "namespace": row.namespace,
        "tenant": row.tenant,
        "action_type": row.action_type,
        "action_id": row.action_id,
        "audit_id": str(row.record_id),
        "order_row": str(row.order_id) if row.order_id else None,
        "at": rfc3339(row.at),
        "from_outcome": row.from_outcome,
        "to_outcome": row.to_outcome or None,
        "from_rule": row.from_rule or None,
        "to_rule": row.to_rule or None,
        "answer_unknown": row.answer_unknown,
        "amount": row.amount,
        "currency": row.currency,
    }
