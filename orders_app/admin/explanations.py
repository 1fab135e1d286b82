"""Why an order fared as it did, as its page tells it: one paragraph for each time that the rules were asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from acteon_site.admin.scoped import reader_of
from acteon_site.base.principals import Role
from audit_app.models import AuditRecord
from orders_app.models import Order
from orders_app.services.explained import change_lines, clause_lines, sentences
from orders_app.services.explaining import explain, explainable
from rules_app.lists.explained import Sees

MOST = 3
NEEDED = ("audit_app.view_auditrecord", "rules_app.view_rule")


@dataclass(frozen=True, slots=True)
class Told:
    at: datetime
    outcome: str
    sentences: list[str]
    clauses: list[dict[str, Any]]
    others: list[dict[str, Any]]


def explanations_of(request: HttpRequest, order: Order) -> list[Told]:
    """The newest first; nothing for who may not read the trail or the rules."""
    if not request.user.has_perms(NEEDED):
        return []
    own = AuditRecord.objects.filter(namespace=order.namespace, tenant=order.tenant)
    return [_told(record, _sees(request)) for record in explainable(own, order.action_id_text)[:MOST]]


def _sees(request: HttpRequest) -> Sees:
    may, reader = request.user.has_perm("rules_app.change_namedlist"), reader_of(request, Role.ADMIN)
    return lambda namespace, tenant: may and reader.covers(namespace, tenant)


def _told(record: AuditRecord, sees: Sees) -> Told:
    told = explain(record, sees)
    outcome = record.outcome.replace("_", " ")
    return Told(record.dispatched_at, outcome, sentences(told), clause_lines(told), change_lines(told)[1:])


def try_url(request: HttpRequest, order: Order) -> str:
    """The page that asks the rules in force about this order; empty for who may not read them."""
    if not request.user.has_perm("rules_app.view_rule"):
        return ""
    return f"{reverse('admin:rules_app_rule_try_rules')}?order={order.pk}"
