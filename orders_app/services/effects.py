"""Whether an action took effect: its order lives, it waits, or a run of it is under way, done or in doubt."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit_app.models import AuditRecord
from chains_app.models import Run, StepRun
from chains_app.services.endings import effect_stands
from chains_app.services.loaded_runs import run_load
from chains_app.states import RunStatus
from orders_app.models import Action, GroupedAction, Hold, Order
from orders_app.states import GroupState

BEGUN = ("executed", "rerouted", "chain_started")


def took_effect(actions: Sequence[Action]) -> bool:
    """Whether any of these (of one tenant and type) did, as far as anybody knows: what is in doubt counts as done."""
    rows = Action.objects.filter(pk__in=[action.pk for action in actions])
    return actions_in_effect(rows).exists() or _stands_undone(actions) or _on_record(actions)


def actions_in_effect(actions: QuerySet[Action]) -> QuerySet[Action]:
    """Those of which the rows of orders, holds and runs say so."""
    orders = Order.objects.filter(action=OuterRef("pk"), living=True)
    waiting = Hold.objects.filter(action=OuterRef("pk"), ended_at=None)
    unknown = StepRun.objects.filter(run=OuterRef("pk"), unknown=True)
    runs = Run.objects.filter(owner_kind="action", owner_id=OuterRef("pk")).filter(
        Q(ended_at=None) | Q(status=RunStatus.COMPLETED) | Exists(unknown)
    )
    grouped = GroupedAction.objects.filter(action=OuterRef("pk")).exclude(
        group__state=GroupState.FAILED, group__in_doubt=False
    )
    return actions.filter(Exists(orders) | Exists(waiting) | Exists(runs) | Exists(grouped))


def _stands_undone(actions: Sequence[Action]) -> bool:
    """A chain that no order owns ended without success, and what it did at a provider was not undone."""
    owners = [action.pk for action in actions]
    ended = Run.objects.filter(owner_kind="action", owner_id__in=owners, ended_at__isnull=False)
    return any(effect_stands(run_load(run)) for run in ended)


def _on_record(actions: Sequence[Action]) -> bool:
    """Retention removes a run before its action: then only the audit records say what it came to.

    A bare call is recorded when it has ended; a chain when it starts, so nobody knows how one ended that is gone. Nor
    does anybody of a group that is gone.
    """
    (scope,) = {(action.namespace, action.tenant, action.action_type) for action in actions}
    namespace, tenant, action_type = scope
    rows = AuditRecord.objects.filter(
        namespace=namespace,
        tenant=tenant,
        action_type=action_type,
        action_id__in={action.action_id for action in actions},
        outcome__in=(*BEGUN, "grouped"),
    )
    stored = Run.objects.filter(pk=OuterRef("chain_id"))
    if rows.filter(Q(chain_id=None) | ~Exists(stored), outcome__in=BEGUN).exists():
        return True
    kept = GroupedAction.objects.filter(action__in=[action.pk for action in actions])
    return rows.filter(outcome="grouped").exists() and not kept.exists()
