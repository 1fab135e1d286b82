"""/v1/silences: what is kept from being sent for a while. Whoever operates a tenant may silence its actions."""

from __future__ import annotations

from functools import partial

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.clock import db_now
from acteon_site.base.errors import forbidden
from acteon_site.base.principals import Role
from acteon_site.http.endpoint import (
    Endpoint,
    asked_scope,
    body_of,
    caller_of,
    flag_of,
    page_response,
    scope_of,
    seen_row,
    seen_rows,
    source_of,
)
from rules_app.api.muting_shapes import silence_shape
from rules_app.models import Silence
from rules_app.services.silences import KEYS, silence_change, silence_create, silence_end


class SilenceList(Endpoint):
    """Those that have not ended, the one that lasts longest first; all with `include_expired`."""

    write_role = Role.OPERATOR

    def get(self, request: Request) -> Response:
        asked_scope(request)
        now, rows = db_now(), seen_rows(request, Silence.objects.all())
        if not flag_of(request, "include_expired"):
            rows = rows.filter(ends_at__gt=now)
        return page_response(request, "silences", rows, partial(silence_shape, now=now))

    def post(self, request: Request) -> Response:
        body = body_of(request)
        scope_of(request, body)
        _require_all_actions(request)
        spec = {name: body[name] for name in KEYS if name in body}
        silence = silence_create(spec=spec, source=source_of(request))
        return Response(silence_shape(silence, db_now()), status=201)


class SilenceDetail(Endpoint):
    write_role = Role.OPERATOR

    def get(self, request: Request, silence_id: str) -> Response:
        return Response(silence_shape(_silence(request, silence_id), db_now()))

    def put(self, request: Request, silence_id: str) -> Response:
        _require_all_actions(request)
        silence, changes = _silence(request, silence_id), body_of(request)
        changed = silence_change(silence=silence, changes=changes, source=source_of(request))
        return Response(silence_shape(changed, db_now()))

    def delete(self, request: Request, silence_id: str) -> Response:
        """Ends it now. It stays to be read, as what it silenced does."""
        _require_all_actions(request)
        silence_end(silence=_silence(request, silence_id), source=source_of(request))
        return Response(status=204)


def _silence(request: Request, silence_id: str) -> Silence:
    return seen_row(request, Silence.objects.all(), silence_id, "silence")


def _require_all_actions(request: Request) -> None:
    """A silence knows labels only, so it may meet any action of the tenant."""
    if not caller_of(request).covers_all_actions:
        raise forbidden("a silence concerns all providers and action types; the key covers some only")
