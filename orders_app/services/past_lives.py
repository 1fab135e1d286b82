"""Which orders lived when a past dispatch came: asked where the rules of then refused it, and the trail is silent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from acteon_site.base.replica import read_whole
from orders_app.models import Hold, Order
from orders_app.states import HoldKind
from rules_app.backtesting import INVALID, Past
from rules_app.backtesting.past import LIVING_ORDER, REFUSING
from rules_app.engine.counters import moment_of


def with_living_orders(pasts: list[Past]) -> list[Past]:
    """With what a living order would have led to, where the trail does not tell."""
    asking = {past.judged.name: past for past in pasts if past.judged and past.judged.name and _is_open(past)}
    if not asking:
        return pasts
    orders, holds = read_whole(lambda: _orders_named(asking))
    return [_with_order(past, orders, holds) if past.judged and _is_open(past) else past for past in pasts]


def _is_open(past: Past) -> bool:
    decided = past.judged is not None and past.judged.verdict not in (*REFUSING, "failed", INVALID)
    return decided and not past.no_repeat and past.repeat != LIVING_ORDER


class _Life(NamedTuple):
    """When an order lived: from, until (None: still)."""

    order: UUID
    begins: datetime
    ends: datetime | None


class _Wait(NamedTuple):
    kind: str
    begins: datetime
    ends: datetime | None


_Lives = Mapping[tuple[str, ...], list[_Life]]
_Waits = Mapping[UUID, list[_Wait]]


def _orders_named(names: Iterable[tuple[str, ...]]) -> tuple[_Lives, _Waits]:
    by_shop: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for namespace, tenant, fingerprint in names:
        by_shop[namespace, tenant].append(fingerprint)
    lives: dict[tuple[str, ...], list[_Life]] = defaultdict(list)
    for (namespace, tenant), fingerprints in by_shop.items():
        rows = Order.objects.filter(namespace=namespace, tenant=tenant, fingerprint__in=fingerprints)
        for pk, name, begins, lives_on, ends in rows.values_list(
            "pk", "fingerprint", "created_at", "living", "finished_at"
        ):
            lives[namespace, tenant, name].append(_Life(pk, begins, None if lives_on else ends))
    return lives, _waits_of({life.order for found in lives.values() for life in found})


def _waits_of(orders: Iterable[UUID]) -> _Waits:
    waits: dict[UUID, list[_Wait]] = defaultdict(list)
    rows = Hold.objects.filter(order_id__in=list(orders))
    for order, kind, begins, ends in rows.values_list("order_id", "kind", "created_at", "ended_at"):
        if order is not None:
            waits[order].append(_Wait(kind, begins, ends))
    return waits


def _with_order(past: Past, lives: _Lives, waits: _Waits) -> Past:
    assert past.judged is not None  # noqa: S101 - only what was decided is asked for
    at = moment_of(past.at)
    living = next((life for life in lives.get(past.judged.name or (), ()) if _holds_at(life, at)), None)
    if living is None:
        return past
    wait = next((wait for wait in waits.get(living.order, ()) if _holds_at(wait, at)), None)
    outcome = "deduplicated"
    if wait is not None:
        outcome = "pending_approval" if wait.kind == HoldKind.APPROVAL else "scheduled"
    return past._replace(judged=past.judged._replace(lived=outcome))


def _holds_at(span: _Life | _Wait, at: datetime) -> bool:
    return span.begins < at and (span.ends is None or span.ends > at)
