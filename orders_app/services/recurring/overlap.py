"""Whether what a recurring action dispatched before is still under way: held, scheduled, or running."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from acteon_site.base.errors import AppError
from acteon_site.base.source import Source
from chains_app.models import Run
from chains_app.services.cancelling import chain_cancel
from orders_app.models import Hold, Order, RecurringFiring
from orders_app.services.holds import hold_cancel
from orders_app.states import WAITING, OrderStatus

log = structlog.get_logger()
MOST = 1000  # open firings that are looked at, the newest


class UnderWay(NamedTuple):
    """What has not ended of these actions, by the action's row."""

    holds: dict[UUID, UUID]
    runs: dict[UUID, UUID]

    @property
    def actions(self) -> set[UUID]:
        return {*self.holds, *self.runs}


def under_way(action_rows: Collection[UUID]) -> UnderWay:
    """Three queries, however many they are."""
    if not action_rows:
        return UnderWay({}, {})
    waiting = Hold.objects.filter(action__in=action_rows, ended_at__isnull=True)
    holds = dict(waiting.values_list("action_id", "pk"))
    bare = Run.objects.filter(owner_kind="action", owner_id__in=action_rows, ended_at__isnull=True)
    runs = {owner: run for owner, run in bare.values_list("owner_id", "pk") if owner}
    orders = Order.objects.filter(action__in=action_rows, status__in=(*WAITING, OrderStatus.PROCESSING))
    runs |= {action: run for action, run in orders.values_list("action_id", "run_id") if run}
    return UnderWay(holds, runs)


def still_open(recurring_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """The rows of their actions that have not ended, by recurring action. What has ended is closed."""
    if not recurring_ids:
        return {}
    rows = RecurringFiring.objects.filter(recurring_id__in=recurring_ids, is_open=True)
    found = list(rows.order_by("-fired_at").values_list("pk", "recurring_id", "action_row")[:MOST])
    alive = under_way([action for _, _, action in found if action]).actions
    over = [pk for pk, _, action in found if action not in alive]
    if over:
        RecurringFiring.objects.filter(pk__in=over).update(is_open=False)
    still: dict[UUID, list[UUID]] = {}
    for _, recurring_id, action in found:
        if action in alive:
            still.setdefault(recurring_id, []).append(action)
    return still


def earlier_cancel(action_rows: Sequence[UUID], source: Source) -> None:
    """Ask all that has not ended of these actions to end. What cannot be cancelled (any more) goes on."""
    found = under_way(action_rows)
    reason = "the recurring action is due again"
    asked: dict[str, Any] = {"actor": source.caller_id, "source": source, "reason": reason}
    for hold in found.holds.values():
        _cancelled(partial(hold_cancel, hold_id=hold, **asked))
    for run in _unasked(found.runs.values()):
        _cancelled(partial(chain_cancel, run_id=run, **asked))


def _unasked(run_ids: Iterable[UUID]) -> list[UUID]:
    """Those that nobody has asked yet."""
    waiting = Run.objects.filter(
        pk__in=list(run_ids), ended_at__isnull=True, cancel_requested_at__isnull=True
    )
    return list(waiting.values_list("pk", flat=True))


def _cancelled(cancel: Callable[[], object]) -> None:
    try:
        cancel()
    except AppError as error:
        log.info("recurring_not_cancelled", reason=error.message)
