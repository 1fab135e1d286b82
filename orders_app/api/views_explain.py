"""GET /v1/rules/explain/{action_id}: why an action fared as it did, in sentences and in parts."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import not_found
from acteon_site.base.principals import Principal, Role
from acteon_site.http.endpoint import Endpoint, caller_of
from audit_app.selectors import records_seen_by
from orders_app.services.explained import explanation_shape
from orders_app.services.explaining import explain, explainable
from rules_app.lists.explained import Sees


def _sees(caller: Principal) -> Sees:
    """Entries are read by whoever administers all that the list is for."""
    highest = max((role for role, _ in caller.roles), default=caller.role)
    administering = caller.acting_as(Role.ADMIN)
    return lambda namespace, tenant: highest >= Role.ADMIN and administering.covers(namespace, tenant)


class RuleExplain(Endpoint):
    """The newest outcome of the action; who may read its record in the trail may read this."""

    def get(self, request: Request, action_id: str) -> Response:
        caller = caller_of(request)
        record = explainable(records_seen_by(caller), action_id).first()
        if record is None:
            raise not_found("no decision about that action is on record")
        told = explain(record, _sees(caller), all_tenants=caller.is_global)
        return Response(explanation_shape(told))
