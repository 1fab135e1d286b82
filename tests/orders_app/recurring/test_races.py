"""Any number of schedulers, people beside them, and processes that die: nothing fires twice, and nothing never."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction

from acteon_site.base.errors import AppError
from acteon_site.base.source import SYSTEM_SOURCE
from audit_app.models import AuditRecord
from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from orders_app.models import Action, RecurringAction, RecurringFiring
from orders_app.services.recurring import sweep
from orders_app.services.recurring.by_hand import Span, recurring_backfill
from orders_app.services.recurring.edits import recurring_delete, recurring_pause
from orders_app.services.recurring.sweep import recurring_sweep
from tests.orders_app.recurring.world import made
from tests.threads import at_once
from tests.world import load_shop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
ELSEWHERE = {"namespace": "elsewhere", "missed": "all"}


@pytest.fixture(autouse=True)
def _shop(transactional_db: None) -> None:
    load_shop()


def overdue(count: int, minutes: int, **changes: Any) -> list[RecurringAction]:
    """So many, each of which has missed so many minutes."""
    rows = [made(**{**ELSEWHERE, **changes}) for _ in range(count)]
    back = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes - 1)
    RecurringAction.objects.update(next_at=back, look_at=back)
    return rows


def sweep_all() -> None:
    """As a scheduler's process does: until nothing is left that nobody else is at."""
    while recurring_sweep():
        pass


def require_each_once(rows: list[RecurringAction], minutes: int) -> None:
    """Each occurrence has one firing, one stored action and one row in the trail. A minute may have been added."""
    firings = RecurringFiring.objects.filter(recurring_id__in=[row.pk for row in rows])
    dispatched = Counter(firings.exclude(action_id="").values_list("action_id", flat=True))
    assert set(dispatched.values()) == {1}
    assert minutes * len(rows) <= len(dispatched) <= (minutes + 5) * len(rows)
    assert Counter(Action.objects.values_list("action_id", flat=True)) == dispatched
    told = AuditRecord.objects.filter(auth_method="recurring", outcome="executed").values_list(
        "action_id", flat=True
    )
    assert Counter(told) == dispatched
    for row in rows:
        found = firings.filter(recurring_id=row.pk).order_by("occurrence")
        times = list(found.values_list("occurrence", flat=True))
        assert {later - one for one, later in pairwise(times)} <= {timedelta(minutes=1)}
        row.refresh_from_db()
        assert row.execution_count == len(times)


def test_four_schedulers_fire_each_occurrence_once(db: None) -> None:
    rows = overdue(6, 8)
    at_once([sweep_all] * 4)
    sweep_all()
    require_each_once(rows, 8)


def test_a_backfill_and_sweeps_at_once_fire_each_occurrence_once(db: None) -> None:
    (row,) = rows = overdue(1, 20)
    now = datetime.now(UTC)
    span = Span(now - timedelta(minutes=21), now, 100)
    asked = partial(recurring_backfill, row=row, span=span, source=SYSTEM_SOURCE)
    results = at_once([sweep_all, asked, sweep_all, asked])
    sweep_all()
    both = [one for result in (results[1], results[3]) for one in result]
    assert {one.outcome for one in both} <= {"executed", "already_fired"}
    require_each_once(rows, 20)


def test_what_is_paused_or_deleted_meanwhile_fires_no_more_after_it(db: None) -> None:
    paused, deleted = overdue(2, 30)
    at_once(
        [
            sweep_all,
            partial(recurring_pause, row=paused, source=SYSTEM_SOURCE),
            partial(recurring_delete, row=deleted, source=SYSTEM_SOURCE),
        ]
    )
    fired = RecurringFiring.objects.count()
    sweep_all()
    assert RecurringFiring.objects.count() == fired
    paused.refresh_from_db()
    assert paused.status == "paused"
    assert Action.objects.count() == RecurringFiring.objects.exclude(action_id="").count()


class Killed(BaseException):
    """As a process that is killed: nothing catches it."""


@pytest.mark.parametrize("where", ["rows_fired", "calls_begin"])
def test_a_process_that_dies_before_or_after_its_commit_loses_and_doubles_nothing(
    db: None, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    rows = overdue(3, 4)

    def dies(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(sweep, where, dies)
        with pytest.raises(Killed):
            recurring_sweep()
    fired = RecurringFiring.objects.count()
    assert fired == (0 if where == "rows_fired" else 3)
    assert Action.objects.count() == fired
    sweep_all()
    # The calls of who died are made by whoever finds the rows.

    Run.objects.filter(ended_at__isnull=True).update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    runs_sweep()
    assert set(RecurringFiring.objects.values_list("outcome", flat=True)) == {"executed"}
    require_each_once(rows, 4)


def test_whoever_holds_a_row_keeps_no_other_from_firing(db: None) -> None:
    held, free = overdue(2, 1)

    def fire() -> int:
        return recurring_sweep()

    with transaction.atomic():
        list(RecurringAction.objects.select_for_update().filter(pk=held.pk))
        (count,) = at_once([fire])
    assert count == 1
    assert set(RecurringFiring.objects.values_list("recurring_id", flat=True)) == {free.pk}
    assert connection.vendor == "postgresql"


def test_a_tenant_never_has_more_than_it_may_have(db: None, settings: Any) -> None:
    settings.RECURRING_PER_TENANT = 5

    def make() -> bool:
        try:
            made(**ELSEWHERE)
        except AppError:
            return False
        return True

    assert sum(at_once([make] * 12)) == 5
    assert RecurringAction.objects.count() == 5
