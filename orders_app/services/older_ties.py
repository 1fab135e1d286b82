"""Draws the ties of actions whose events are gone, from the actions themselves and what the trail says of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from audit_app.models import AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.selectors import current_redactor
from orders_app.models import Action, Order, Tie
from orders_app.services.ties import PASSED_BY, Name, newest_of, ties_of
from orders_app.states import OrderStatus

BATCH = 500
MOST_RECORDS = 20  # looked at for each action on average
_HELD = {
    OrderStatus.HELD: "PendingApproval",
    OrderStatus.SCHEDULED: "Scheduled",
    OrderStatus.FAILED: "Failed",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """How many actions were looked at and ties drawn; those that no key opens; and the last one's id."""

    actions: int = 0
    ties: int = 0
    unread: int = 0
    last: UUID | None = None

    def plus(self, other: Drawn) -> Drawn:
        return Drawn(
            self.actions + other.actions, self.ties + other.ties, self.unread + other.unread, other.last
        )


def actions_before(before: UUID | None) -> int:
    """About how many there are; of a part of them nobody knows (0)."""
    if before is not None or connection.vendor != "postgresql":
        return 0 if before is not None else Action.objects.count()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'orders_app_action'::regclass"
        )
        return int(cursor.fetchone()[0])


@transaction.atomic
def ties_draw_older(*, before: UUID | None, batch: int = BATCH) -> Drawn:
    """Look at the next older actions. What has ties keeps them: their outcome is the newer one."""
    rows = Action.objects.order_by("-pk")
    found = list((rows.filter(pk__lt=before) if before else rows)[:batch])
    if not found:
        return Drawn()
    bare = _without_ties(found)
    tags = _tags(bare)
    hides_money = current_redactor().hides_any(["total_cents", "currency"])
    ties: list[Tie] = []
    unread = 0
    for action in bare:
        tag = tags.get((action.namespace, action.tenant, action.action_id), "")
        drawn = ties_of(action, tag, hides_money=hides_money) if tag and tag not in PASSED_BY else []
        unread += drawn is None
        ties += drawn or []
    # Retention may take an action away meanwhile, and the sweep may draw the same: neither is an error.
    kept = set(
        Action.objects.select_for_update(no_key=True)
        .filter(pk__in={tie.action_id for tie in ties})
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    fresh = [tie for tie in ties if tie.action_id in kept]
    Tie.objects.bulk_create(fresh, ignore_conflicts=True)
    return Drawn(len(found), len(fresh), unread, found[-1].pk)


def _without_ties(actions: Collection[Action]) -> list[Action]:
    """Of each name the newest action, as for orders that come in; and not one that is tied."""
    newest = set(newest_of({(one.namespace, one.tenant, one.action_id) for one in actions}).values())
    tied = set(Tie.objects.filter(action__in=newest).values_list("action_id", flat=True))
    return [one for one in actions if one.pk in newest - tied]


def _tags(actions: Collection[Action]) -> dict[Name, str]:
    """What became of each, as events say it: by the trail, else by its order."""
    if not actions:
        return {}
    ids = [one.pk for one in actions]
    tags: dict[Name, str] = {}
    orders = Order.objects.filter(action__in=ids).values_list(
        "namespace", "tenant", "action_id_text", "status"
    )
    for *name, status in orders:
        tags[name[0], name[1], name[2]] = _HELD.get(OrderStatus(status), "Executed")
    names = {(one.namespace, one.tenant, one.action_id) for one in actions}
    records = AuditRecord.objects.filter(
        action_id__in={name[2] for name in names}, outcome__in=DISPATCH_OUTCOMES
    ).order_by("-dispatched_at")
    columns = ("namespace", "tenant", "action_id", "outcome")
    told = records.values_list(*columns)[: MOST_RECORDS * len(names)]
    for namespace, tenant, action_id, outcome in reversed(list(told)):
        tag = "".join(word.capitalize() for word in outcome.split("_"))
        if (namespace, tenant, action_id) in names and tag not in PASSED_BY:
            tags[namespace, tenant, action_id] = tag
    return tags
