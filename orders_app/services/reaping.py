"""What retention removes of orders. Nothing in force is touched: no hold that waits, no order that may still move."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce, Greatest

from acteon_site.base.names import composed
from audit_app.models import RetentionPolicy
from audit_app.services.legal_holds import held_of
from chains_app.models import Run
from orders_app.models import (
    Action,
    ActionGroup,
    GroupedAction,
    Hold,
    Order,
    RecurringAction,
    RecurringFiring,
    RememberedAnswer,
)
from orders_app.models.recurring import RUNNING
from orders_app.states import OrderStatus
from rules_app.services.gates import gates_lock, gates_write, order_key

# So long a reaped order's name still answers Deduplicated.
NAME_KEPT = timedelta(days=400)


def actions_of_orders(namespace: str, tenant: str, names: Collection[str]) -> set[str]:
    """The ids of the actions that placed orders of these names, and of their replays."""
    orders = Order.objects.filter(namespace=namespace, tenant=tenant, fingerprint__in=names)
    ids = set(orders.values_list("action_id_text", flat=True))
    replays = Action.objects.filter(namespace=namespace, tenant=tenant, replay_of__in=ids)
    return ids | set(replays.values_list("action_id", flat=True))


def reap_holds(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """state_ttl: approvals and schedules that ended before it."""
    if policy.state_ttl_seconds is None:
        return 0
    ended = Hold.objects.filter(
        namespace=policy.namespace,
        tenant=policy.tenant,
        ended_at__lt=now - timedelta(seconds=policy.state_ttl_seconds),
    )
    held = held_of(policy.namespace, policy.tenant)
    ended = ended.exclude(Q(action_id_text__in=held.actions) | held.alive("created_at", "ended_at"))
    ids = list(ended.order_by("ended_at").values_list("pk", flat=True)[:batch])
    Hold.objects.filter(pk__in=ids).delete()
    return len(ids)


def reap_groups(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """state_ttl: groups whose call ended before it, with the actions in them. Returns how many rows went."""
    if policy.state_ttl_seconds is None:
        return 0
    # Locked, and judged as it stands then: a person may be having its call made again.
    ended = ActionGroup.objects.select_for_update(skip_locked=True).filter(
        namespace=policy.namespace,
        tenant=policy.tenant,
        ended_at__lt=now - timedelta(seconds=policy.state_ttl_seconds),
    )
    held = held_of(policy.namespace, policy.tenant)
    ended = ended.exclude(held.alive("created_at", "ended_at"))
    if held.actions:
        kept = GroupedAction.objects.filter(group=OuterRef("pk"), action__action_id__in=held.actions)
        ended = ended.exclude(Exists(kept))
    ids, rows = [], 0
    for pk, count in ended.order_by("ended_at").values_list("pk", "event_count")[:batch]:
        ids.append(pk)
        rows += 1 + count
        if rows >= batch:  # the next batch takes the others
            break
    GroupedAction.objects.filter(group__in=ids).delete()
    ActionGroup.objects.filter(pk__in=ids).delete()
    return rows


def reap_orders(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """event_ttl: finished orders and their history. One that took effect leaves a keyed hash of its name."""
    if policy.event_ttl_seconds is None:
        return 0
    finished = Order.objects.select_for_update(skip_locked=True).filter(
        namespace=policy.namespace,
        tenant=policy.tenant,
        finished_at__lt=now - timedelta(seconds=policy.event_ttl_seconds),
        reserved=0,  # no refund of it is under way
    )
    held = held_of(policy.namespace, policy.tenant)
    kept = Q(fingerprint__in=held.orders) | held.alive("created_at", "finished_at")
    orders = list(finished.exclude(kept).order_by("finished_at")[:batch])
    names = [(order.namespace, order.tenant, composed(order.fingerprint)) for order in orders if order.living]
    keys = [order_key(*name) for name in names]
    gates, _ = gates_lock(keys)
    for gate in gates.values():
        gate.put({"reaped": True}, now + NAME_KEPT)
    gates_write(gates.values())
    Order.objects.filter(pk__in=[order.pk for order in orders]).delete()
    return len(orders)


def reap_actions(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """audit_ttl: stored originals that no order, no hold, no group and no run under way refers to."""
    if policy.audit_ttl_seconds is None:
        return 0
    old = Action.objects.filter(
        namespace=policy.namespace,
        tenant=policy.tenant,
        received_at__lt=now - timedelta(seconds=policy.audit_ttl_seconds),
    )
    under_way = Run.objects.filter(owner_kind="action", owner_id=OuterRef("pk"), ended_at__isnull=True)
    held = held_of(policy.namespace, policy.tenant)
    unused = old.exclude(Q(action_id__in=held.actions) | held.alive("received_at")).exclude(
        Exists(Order.objects.filter(action=OuterRef("pk")))
        | Exists(Hold.objects.filter(action=OuterRef("pk")))
        | Exists(GroupedAction.objects.filter(action=OuterRef("pk")))
        | Exists(under_way)
    )
    ids = list(unused.order_by("received_at").values_list("pk", flat=True)[:batch])
    Action.objects.filter(pk__in=ids).delete()
    return len(ids)


def tidy_answers(now: datetime, batch: int) -> int:
    """Remembered answers whose day is over."""
    over = RememberedAnswer.objects.filter(expires_at__lte=now).order_by("expires_at")
    keys = list(over.values_list("key", flat=True)[:batch])
    # Asked again: a request may have taken the key anew since.
    deleted, _ = RememberedAnswer.objects.filter(key__in=keys, expires_at__lte=now).delete()
    return deleted


def _may_be_under_way() -> Q:
    """Firings whose approval, schedule or run has not ended: by them the next occurrence knows that it overlaps."""
    holds = Hold.objects.filter(action=OuterRef("action_row"), ended_at__isnull=True)
    orders = Order.objects.filter(action=OuterRef("action_row"), status=OrderStatus.PROCESSING)
    bare = Run.objects.filter(owner_kind="action", owner_id=OuterRef("action_row"), ended_at__isnull=True)
    return Q(is_open=True) & (Q(Exists(holds)) | Q(Exists(orders)) | Q(Exists(bare)))


def reap_firings(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """state_ttl: what recurring actions fired. How far it is forgotten is kept, so that no backfill fires it again."""
    if policy.state_ttl_seconds is None:
        return 0
    old = RecurringFiring.objects.filter(
        namespace=policy.namespace,
        tenant=policy.tenant,
        fired_at__lt=now - timedelta(seconds=policy.state_ttl_seconds),
    ).exclude(outcome=RUNNING)
    held = held_of(policy.namespace, policy.tenant)
    old = old.exclude(Q(action_id__in=held.actions) | held.alive("fired_at")).exclude(_may_be_under_way())
    rows = list(old.order_by("fired_at").values_list("pk", "recurring_id", "occurrence")[:batch])
    latest: dict[UUID, datetime] = {}
    for _, recurring_id, occurrence in rows:
        latest[recurring_id] = max(occurrence, latest.get(recurring_id, occurrence))
    for recurring_id in sorted(latest):
        forgotten = Greatest(Coalesce(F("forgotten_until"), latest[recurring_id]), latest[recurring_id])
        RecurringAction.objects.filter(pk=recurring_id).update(forgotten_until=forgotten)
    RecurringFiring.objects.filter(pk__in=[pk for pk, _, _ in rows]).delete()
    return len(rows)
