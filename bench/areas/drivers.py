"""What comes through the doors, each kind by a driver that goes on until `ends` (of the monotonic clock)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.areas.books import REFUND, TOTAL, team_of
from bench.areas.peers import KINDS
from bench.areas.place import NIGHT, SCOPE, TOLD, Place
from bench.services import wait_for

PEOPLE = 6
RECURRING, MISSED_MINUTES = 5, 40
MOST_SECONDS = 240


def notices(place: Place, ends: float) -> None:
    _at_once(ends, 0.1, lambda number: place.shop.dispatch(_notice(number)))


def _notice(number: int) -> dict[str, Any]:
    payload, team = {"order_id": f"notice-{number}"}, {"team": team_of(number)}
    return _action("notice", str(number), "email-service", payload, metadata=team)


def messages(place: Place, ends: float) -> None:
    _at_once(ends, 0.15, lambda number: place.shop.dispatch(_message(number)))


def _message(number: int) -> dict[str, Any]:
    kind = KINDS[number % len(KINDS)]
    return _action("message", f"{kind}-{number}", kind, {"parcel": f"message-{kind}-{number}"}, **TOLD)


def announcements(place: Place, ends: float) -> None:
    _at_once(ends, 0.7, lambda number: place.shop.dispatch(_announcement(number)))


def _announcement(number: int) -> dict[str, Any]:
    return _action("announcement", str(number), KINDS[0], {"parcel": f"announcement-{number}"}, **TOLD)


def alerts(place: Place, ends: float) -> None:
    _at_once(ends, 0.1, lambda number: place.shop.dispatch(_alert(number)))


def _alert(number: int) -> dict[str, Any]:
    payload = {"warehouse": f"w-{number % 4}", "order_id": f"stock_low-{number}"}
    return _action("stock_low", str(number), "warehouse", payload)


def silences(place: Place, ends: float) -> None:
    matchers = [{"name": "team", "value": "a"}]
    for _ in _until(ends, 4):
        body = {**SCOPE, "matchers": matchers, "duration_seconds": 2, "comment": "drill"}
        place.shop.call("POST", "/v1/silences", json=body)


def orders(place: Place, ends: float) -> None:
    _at_once(ends, 1.0, lambda number: _ordered_and_sent_back(place, f"order-{place.shop.seed}-{number}"))


def _ordered_and_sent_back(place: Place, name: str) -> None:
    """Once it has ended, six people at once want a third of it back."""
    place.shop.dispatch(_action("place_order", name, "payment-gateway", _order(name)))
    wait_for(lambda: _has_ended(place, name), MOST_SECONDS, f"{name} to end", 0.3)
    wanted = [
        _action("refund_order", f"{name}-{part}", "payment-gateway", _refund(name, part))
        for part in range(PEOPLE)
    ]
    with ThreadPoolExecutor(PEOPLE) as people:
        list(people.map(place.shop.dispatch, wanted))


def _at_once(ends: float, pause: float, do: Callable[[int], object]) -> None:
    """Several at a time: one whose web process was killed is answered after a minute only."""
    with ThreadPoolExecutor(PEOPLE) as people:
        at_work = [people.submit(do, number) for number in _until(ends, pause)]
        for one in at_work:
            one.result()


DRIVERS: tuple[Callable[[Place, float], None], ...] = (
    notices,
    messages,
    announcements,
    alerts,
    silences,
    orders,
)


def begin_recurring(place: Place) -> None:
    """As if nobody had fired them for so many minutes; each is to be made up for."""
    body = {
        **NIGHT,
        "provider": "email-service",
        "action_type": "send_report",
        "cron_expression": "* * * * *",
    }
    for _ in range(RECURRING):
        place.shop.call(
            "POST", "/v1/recurring", json={**body, "payload": {}, "missed": "all"}
        ).raise_for_status()
    with place.postgres.connect() as connection:
        missed = f"date_trunc('minute', now()) - interval '{MISSED_MINUTES} minutes'"
        connection.execute(f"UPDATE orders_app_recurringaction SET next_at = {missed}, look_at = {missed}")


def end_recurring(place: Place) -> None:
    listed = place.shop.call("GET", "/v1/recurring", params=NIGHT).json()["recurring_actions"]
    for one in listed:
        place.shop.call("POST", f"/v1/recurring/{one['id']}/pause", json=NIGHT)


def _until(ends: float, pause: float) -> Iterator[int]:
    number = 0
    while time.monotonic() < ends:
        yield number
        number += 1
        time.sleep(pause)


def _action(kind: str, name: str, provider: str, payload: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {**SCOPE, "provider": provider, "action_type": kind, "id": f"{kind}-{name}"}
    return {**base, "payload": payload, **more}


def _order(name: str) -> dict[str, Any]:
    return {"order_id": name, "total_cents": TOTAL, "currency": "USD", "shipping_country": "US"}


def _refund(name: str, part: int) -> dict[str, Any]:
    asked = {"refund_id": f"{name}-{part}", "order_id": name, "amount_cents": REFUND}
    return {**asked, "currency": "USD", "reason": "returned"}


def _has_ended(place: Place, name: str) -> bool:
    asked = (
        "SELECT count(*) FROM orders_app_order WHERE fingerprint = %s AND status IN ('completed', 'failed')"
    )
    return place.count(asked, name) > 0
