"""Many that add to groups, and several that send them, at once: each action goes out in exactly one call."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest

from acteon_site.base.source import Source
from chains_app.models import Run
from chains_app.providers.base import Call
from chains_app.services.advance import runs_sweep
from orders_app.models import ActionGroup
from orders_app.services.groups import group_flush_now, groups_flush
from tests.orders_app.gathered import alert, calls, group_rule, make_due, send_all
from tests.threads import at_once
from tests.world import Shop, load_shop, tag

__all__ = ["calls"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
ADDERS, EACH = 8, 12
SOMEONE = Source("tests", "key", "")


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    load_shop()
    return Shop()


class Crowd:
    """Adders, each with its batches, and flushers that work until the last adder has ended."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.sent = shop, [[alert() for _ in range(EACH)] for _ in range(ADDERS)]
        self.left, self.lock = ADDERS, threading.Lock()

    @property
    def ids(self) -> set[str]:
        return {one["id"] for batch in self.sent for one in batch}

    def add(self, number: int) -> None:
        client = Shop.__new__(Shop)
        client.client = self.shop.client.__class__(raise_request_exception=False)
        client.client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.shop.secret}")
        try:
            for start in range(0, EACH, 4):
                answers = client.batch(self.sent[number][start : start + 4]).json()
                assert {tag(one) for one in answers} == {"Grouped"}, answers
        finally:
            with self.lock:
                self.left -= 1

    def flush(self, how: Any) -> None:
        while self.left:
            how()

    def run(self, *flushers: Any) -> None:
        adding = [partial(self.add, number) for number in range(ADDERS)]
        at_once([*adding, *(partial(self.flush, how) for how in flushers)])


def send_waiting() -> None:
    for pk in ActionGroup.objects.filter(state="waiting").values_list("pk", flat=True):
        group_flush_now(group_id=pk, source=SOMEONE)


def send_closed() -> None:
    groups_flush(list(ActionGroup.objects.exclude(next_run_at=None).values_list("pk", flat=True)))


def the_rest() -> None:
    make_due()
    send_all()
    while Run.objects.filter(ended_at=None).exists():
        runs_sweep()


def assert_each_in_one_call(crowd: Crowd, calls: list[Call]) -> None:
    told = [event["id"] for call in calls for event in call.payload["events"]]
    assert len(told) == len(set(told)) == ADDERS * EACH
    assert set(told) == crowd.ids
    assert len({call.idempotency_key for call in calls}) == len(calls) == ActionGroup.objects.count()
    for group in ActionGroup.objects.all():
        assert (group.state, group.event_count) == ("flushed", group.members.count())


def test_whoever_adds_while_two_send_finds_a_group_that_goes_out_once(shop: Shop, calls: list[Call]) -> None:
    group_rule()
    crowd = Crowd(shop)
    crowd.run(send_waiting, send_waiting, send_closed)
    the_rest()
    assert_each_in_one_call(crowd, calls)


def test_no_group_is_larger_than_it_may_be_whoever_fills_it(shop: Shop, calls: list[Call]) -> None:
    group_rule(max_group_size=7)
    crowd = Crowd(shop)
    crowd.run(send_closed, send_closed)
    the_rest()
    assert_each_in_one_call(crowd, calls)
    sizes = sorted(call.payload["count"] for call in calls)
    assert sizes == sorted([7] * (ADDERS * EACH // 7) + [ADDERS * EACH % 7])
