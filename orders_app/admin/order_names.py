"""By what people know the orders of records: for pages of the apps below, which know actions alone."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from acteon_site.admin.scoped import visible
from audit_app.admin.live_board import Key, Named
from audit_app.models import AuditRecord
from orders_app.models import Order

MAY_SEE = "orders_app.view_order"
MOST = 100


def names_of(request: HttpRequest, records: QuerySet[AuditRecord]) -> Mapping[Key, Named]:
    """Nothing for who may not see orders. Of an action that came again, the newest order."""
    if not request.user.has_perm(MAY_SEE):
        return {}
    columns = ("namespace", "tenant", "action_id")
    keys = set(records.order_by().values_list(*columns)[: 10 * MOST])
    if not keys:
        return {}
    namespaces, tenants, ids = (list(set(names)) for names in zip(*keys, strict=True))
    orders = Order.objects.filter(namespace__in=namespaces, tenant__in=tenants, action__action_id__in=ids)
    rows = (
        visible(request, orders)
        .order_by("-created_at")
        .values_list("namespace", "tenant", "action_id_text", "fingerprint", "pk")[:MOST]
    )
    return {
        (namespace, tenant, action): Named(name, reverse("admin:orders_app_order_change", args=[pk]))
        for namespace, tenant, action, name, pk in reversed(list(rows))
    }
