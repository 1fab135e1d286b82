"""/v1/rules/drafts: changes to the rules that decide nothing until they are published.

Drafts show rules of all tenants, so all of it needs a key whose scope is `*`.
"""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import FieldProblem, bad_query, invalid_field, not_found
from acteon_site.http.endpoint import Endpoint, body_of, caller_of, page_response, require_global
from rules_app.api.draft_shapes import draft_shape, drafted_rule_shape, version_shape, whole_draft_shape
from rules_app.differences import counter_key, label_of
from rules_app.drafts import draft_get, draft_view
from rules_app.models import RuleDraft
from rules_app.services.drafts import (
    DRAFT,
    LIVE,
    draft_discard,
    draft_open,
    draft_put,
    draft_put_counter,
    draft_put_timezone,
    draft_remove,
    draft_rename,
    draft_settle,
)
from rules_app.services.publishing import draft_publish
from rules_app.services.vocabulary import lexicon_now


class GlobalEndpoint(Endpoint):
    """For callers whose scope is `*`, readers too."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_global(request)


class DraftList(GlobalEndpoint):
    def get(self, request: Request) -> Response:
        rows = RuleDraft.objects.select_related("version").order_by("-number")
        status = request.query_params.get("status")
        if status is not None:
            if status not in RuleDraft.Status.values:
                message = f"must be one of {', '.join(RuleDraft.Status.values)}"
                raise bad_query(f"status {message}", [FieldProblem("status", message)])
            rows = rows.filter(status=status)
        return page_response(request, "drafts", rows, draft_shape)

    def post(self, request: Request) -> Response:
        draft = draft_open(name=body_of(request).get("name", ""), actor=_actor(request))
        return Response(whole_draft_shape(draft_view(draft, lexicon_now())), status=201)


class DraftDetail(GlobalEndpoint):
    def get(self, request: Request, number: int) -> Response:
        return _whole(number)

    def put(self, request: Request, number: int) -> Response:
        """Changes what the body names: `name`, `default_timezone`."""
        body = body_of(request)
        if "name" in body:
            draft_rename(number=number, name=body["name"])
        if "default_timezone" in body:
            zone = body["default_timezone"]
            draft_put_timezone(number=number, default_timezone=zone, actor=_actor(request))
        return _whole(number)

    def delete(self, request: Request, number: int) -> Response:
        draft_discard(number=number, actor=_actor(request))
        return Response(status=204)


class DraftRule(GlobalEndpoint):
    """`revision` names what the caller has seen, as GET tells it; null: there is no rule of that name."""

    def get(self, request: Request, number: int, name: str) -> Response:
        return _rule(number, name)

    def put(self, request: Request, number: int, name: str) -> Response:
        body = body_of(request)
        spec, seen = body.get("spec"), _revision(body)
        if not isinstance(spec, dict):
            raise invalid_field("spec", "must be a rule as an object")
        if spec.setdefault("name", name) != name:
            raise invalid_field("spec.name", "must be the name in the path")
        draft_put(number=number, spec=spec, seen=seen, actor=_actor(request))
        return _rule(number, name)

    def delete(self, request: Request, number: int, name: str) -> Response:
        draft_remove(number=number, name=name, seen=_seen(request), actor=_actor(request))
        return Response(status=204)


class DraftCounter(GlobalEndpoint):
    """As DraftRule, of a counter."""

    def get(self, request: Request, number: int, name: str) -> Response:
        return _rule(number, counter_key(name))

    def put(self, request: Request, number: int, name: str) -> Response:
        body = body_of(request)
        spec, seen = body.get("spec"), _revision(body)
        if not isinstance(spec, dict):
            raise invalid_field("spec", "must be a counter as an object")
        if spec.setdefault("name", name) != name:
            raise invalid_field("spec.name", "must be the name in the path")
        draft_put_counter(number=number, spec=spec, seen=seen, actor=_actor(request))
        return _rule(number, counter_key(name))

    def delete(self, request: Request, number: int, name: str) -> Response:
        draft_remove(number=number, name=counter_key(name), seen=_seen(request), actor=_actor(request))
        return Response(status=204)


class DraftSettle(GlobalEndpoint):
    """Ends a conflict for one side: `take` is `draft` or `live`, `revision` that of the live rule seen."""

    def post(self, request: Request, number: int) -> Response:
        body = body_of(request)
        name, take = body.get("rule"), body.get("take")
        if not isinstance(name, str):
            raise invalid_field("rule", "must be the name of a rule that the draft changes")
        if take not in (DRAFT, LIVE):
            raise invalid_field("take", f"must be {DRAFT} or {LIVE}")
        draft_settle(number=number, name=name, take=take, seen=_revision(body), actor=_actor(request))
        return _whole(number)


class DraftPublish(GlobalEndpoint):
    """`revision`, where given, is that of the draft as it was reviewed."""

    def post(self, request: Request, number: int) -> Response:
        body = body_of(request)
        seen = body.get("revision")
        if not isinstance(seen, str | None):
            raise invalid_field("revision", "must be text")
        version = draft_publish(number=number, reason=reason_of(body), actor=_actor(request), seen=seen)
        return Response(version_shape(version))


class DraftDiscard(GlobalEndpoint):
    def post(self, request: Request, number: int) -> Response:
        return Response(draft_shape(draft_discard(number=number, actor=_actor(request))))


def reason_of(body: dict[str, Any]) -> str:
    reason = body.get("reason", "")
    if not isinstance(reason, str):
        raise invalid_field("reason", "must be text")
    return reason


def _actor(request: Request) -> str:
    return caller_of(request).caller_id


def _whole(number: int) -> Response:
    return Response(whole_draft_shape(draft_view(draft_get(number), lexicon_now())))


def _rule(number: int, name: str) -> Response:
    draft = draft_get(number)
    shape = drafted_rule_shape(draft, name)
    if shape["spec"] is None and shape["live"] is None:
        raise not_found(f"there is no rule named {label_of(name)} in this draft")
    return Response(shape)


def _seen(request: Request) -> str:
    seen = request.query_params.get("revision")
    if not seen:
        message = "is required: the revision of what you have seen"
        raise bad_query(f"revision {message}", [FieldProblem("revision", message)])
    return seen


def _revision(body: dict[str, Any]) -> str | None:
    if "revision" not in body:
        raise invalid_field("revision", "is required: what you have seen, null where there was no rule")
    seen = body["revision"]
    if not isinstance(seen, str | None):
        raise invalid_field("revision", "must be text or null")
    return seen
