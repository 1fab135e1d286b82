"""What the simulator remembers of Django's statements are the statements that Django makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Manager, Q, Window
from django.db.models.functions import RowNumber
from django.test.utils import CaptureQueriesContext

from bench.simulate.remembered import remembering
from chains_app.models import Run

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]  # the simulator's database is SQLite
Ask = Callable[[Any, Any], Any]
MOMENT, ID = datetime(2026, 3, 4, tzinfo=UTC), UUID(int=1)
TURN = Window(RowNumber(), partition_by=["namespace"], order_by="next_run_at")
# Each with two values of a kind, of which the second is read by what was learnt of the first.
ASKED: dict[str, tuple[Ask, Any, Any]] = {
    "a filter": (lambda runs, name: runs.filter(chain_name=name), "a", "it's"),
    "ids": (lambda runs, ids: runs.filter(pk__in=ids).order_by("pk"), [ID], [UUID(int=2)]),
    "a set": (lambda runs, ids: runs.filter(pk__in=ids), {ID}, {UUID(int=3)}),
    "none": (lambda runs, ids: runs.filter(pk__in=ids), [], []),
    "null": (lambda runs, none: runs.filter(ended_at=none), None, None),
    "a time": (lambda runs, at: runs.filter(next_run_at__lte=at), MOMENT, MOMENT + timedelta(1)),
    "either": (
        lambda runs, at: runs.filter(Q(lease_until__isnull=True) | ~Q(lease_until__lte=at)).only("id"),
        *(MOMENT, MOMENT + timedelta(2)),
    ),
    "part of a text": (lambda runs, part: runs.filter(chain_name__contains=part), "a", "%"),
    "values": (lambda runs, name: runs.exclude(tenant=name).values_list("pk", flat=True), "a", "b"),
    "a window": (
        lambda runs, name: runs.filter(tenant=name).annotate(turn=TURN).order_by("turn").values("turn"),
        *("a", "b"),
    ),
}


@pytest.fixture
def runs() -> Iterator[Manager[Run]]:
    with remembering():
        yield Run.objects


def spelt(read: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as made:
        read()
    return [query["sql"] for query in made.captured_queries]


@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize(
    "read",
    [list, lambda rows: rows.exists(), lambda rows: rows.first(), lambda rows: list(rows[2:5])],
    ids=["all", "exists", "first", "a slice"],
)
def test_each_has_djangos_own(what: str, read: Callable[[Any], object]) -> None:
    ask, first, second = ASKED[what]
    own = [spelt(partial(read, ask(Run.objects, value))) for value in (first, second)]
    with remembering():
        assert [spelt(partial(read, ask(Run.objects, value))) for value in (first, second)] == own


def test_a_queryset_that_was_only_told_is_one_for_whatever_is_asked_of_it(runs: Manager[Run]) -> None:
    told = runs.filter(chain_name="a")
    assert told.count() == 0
    assert told.filter(tenant="b").update(tenant="c") == 0
    assert not Run.objects.filter(parent__in=told).exists()
    assert list(told.values_list("pk", flat=True).iterator()) == []
