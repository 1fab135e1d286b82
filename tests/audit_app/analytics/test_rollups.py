"""Sums of the trail: each record is in them once, whatever dies, whoever counts, and in whatever order."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from audit_app.analytics.asking import Question, sums_now
from audit_app.analytics.spans import Span
from audit_app.models import (
    AuditRecord,
    RelayHead,
    RetentionPolicy,
    Rollup,
    RollupDelta,
    RollupGap,
    RollupTime,
)
from audit_app.records.rollups import CALLS, COUNTRIES, GRAINS, OTHER, row_id
from audit_app.records.sketch import ERROR_PERCENT, class_of, percentile
from audit_app.services import relay as relaying
from audit_app.services import rollup_names
from audit_app.services.journal import Subject
from audit_app.services.reaper import reap
from audit_app.services.relay import relay as relay_only
from audit_app.services.rollup_rows import NAMES
from audit_app.services.rollups import rollups_build, rollups_fold, rollups_tidy, times_pack
from tests.audit_app.analytics.world import (
    ORDER,
    all_sums,
    noon,
    rows_counted,
    some_of_everything,
    sums_counted,
    worth,
)
from tests.audit_app.conftest import SHOP, STRANGER, note

pytestmark = pytest.mark.django_db
CALL = {"chain_name": "c", "step": "s", "called": "x"}


def relay() -> None:
    relay_only()
    rollups_fold()


def test_the_sums_of_each_grain_are_those_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "BATCH", 7)
    some_of_everything()
    relay()
    counted = rows_counted()
    assert counted.total() == 66
    for grain in GRAINS[1:]:
        assert sums_counted(grain) == counted
    assert sums_counted(60).total() >= 22  # of today at least; older minutes are not kept
    assert worth(grain=3600, kind=1, currency="EUR") == worth(grain=86_400, kind=1, currency="EUR") == 37_500
    assert worth(grain=86_400, kind=COUNTRIES, label="US", currency="USD") == 15 * 1250


def test_a_relay_that_dies_before_its_commit_has_counted_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    note(payload=ORDER)

    def dies(*args: Any, **options: Any) -> None:
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as broken:
        broken.setattr(RelayHead, "save", dies)
        with pytest.raises(RuntimeError, match="power"):
            relay()
    assert not RollupDelta.objects.exists()
    relay()
    relay()
    assert sums_counted(86_400).total() == 1


def test_what_an_older_release_has_numbered_is_counted_later_and_once() -> None:
    some_of_everything()
    relay()
    whole = all_sums()
    for model in (Rollup, RollupTime):
        model.objects.all().delete()
    RelayHead.objects.update(rolled_up_number=0)
    note(payload=ORDER)
    relay()
    assert sums_counted(3600).total() == 1
    assert [(gap.after, gap.upto) for gap in RollupGap.objects.all()] == [(0, 66)]
    while rollups_build(batch=10):
        note(outcome="suppressed")  # life goes on
        relay()
    assert not RollupGap.objects.exists()
    assert sums_counted(3600) == rows_counted()
    AuditRecord.objects.filter(number__gt=66).delete()
    call_command("build_analytics", "--anew")
    assert all_sums() == whole


def test_building_anew_comes_to_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    some_of_everything()
    relay()
    before = all_sums()
    call_command("build_analytics", "--anew")
    assert all_sums() == before
    call_command("build_analytics")
    assert all_sums() == before
    assert "analytics holds all of the trail" in capsys.readouterr().out


def test_old_minutes_go_and_their_quarters_stay() -> None:
    note(payload=ORDER)
    relay()
    assert Rollup.objects.filter(grain=60).exists()
    rollups_tidy(timezone.now() + timedelta(hours=27), 500)
    assert not Rollup.objects.filter(grain=60).exists()
    assert sums_counted(900).total() == 1


def test_sums_go_with_the_records_that_retention_removes_by_whole_days() -> None:
    note(SHOP, dispatched_at=noon(40))
    note(SHOP, dispatched_at=noon(1))
    relay()
    RetentionPolicy.objects.create(
        namespace=SHOP.namespace, tenant=SHOP.tenant, audit_ttl_seconds=20 * 86_400
    )
    reap()
    assert AuditRecord.objects.count() == 1
    assert sums_counted(86_400) == rows_counted()


def test_an_amount_that_nobody_could_add_up_or_that_is_hidden_is_worth_nothing() -> None:
    for total in (10**40, -(10**13), True, "12", None, "[REDACTED]"):
        note(payload={**ORDER, "total_cents": total})
    note(payload={**ORDER, "currency": "no currency", "shipping_country": "Germany" * 100})
    note(payload=ORDER)
    relay()
    assert worth(grain=86_400, kind=1) == ORDER["total_cents"]
    assert set(Rollup.objects.filter(kind=COUNTRIES).values_list("label", flat=True)) == {"DE"}


def test_names_that_would_be_spelt_alike_together_stay_apart() -> None:
    key = (0, 1, "a", "b", "", "", "executed", "", "")
    assert row_id(60, key) != row_id(60, (0, 1, "ab", "", "", "", "executed", "", ""))


@pytest.mark.parametrize("micros", [1, 999, 1500, 20_000, 3_600_000_000, 10**12])
def test_a_percentile_is_off_by_no_more_than_is_said(micros: int) -> None:
    near = percentile({class_of(micros): 3}, 95)
    assert near is not None
    assert abs(near - micros) <= micros * ERROR_PERCENT / 100


@pytest.mark.postgres
def test_plans_of_the_sums_use_the_index_of_a_span() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Rollup.objects.filter(kind=1, grain=3600, at__gte=1, at__lt=2).explain(format="json")
    assert "rollup_span" in json.dumps(plan)


def test_rows_of_an_older_release_are_packed_and_answer_alike_before_and_after() -> None:
    some_of_everything()
    relay()
    whole = all_sums()
    month = Question(
        CALLS, Span(int(noon(41).timestamp()), int(noon(-1).timestamp()) // 86_400 * 86_400), group=("label",)
    )

    def calls() -> Any:
        with sums_now() as sums:
            return sums.times(month)

    answer = calls()
    for row in RollupTime.objects.all():
        for one, count in row.classes.items():
            key = (
                row.at,
                row.kind,
                row.namespace,
                row.tenant,
                row.provider,
                row.action_type,
                row.outcome,
                row.label,
            )
            micros = row.micros if len(row.classes) == 1 else row.micros / row.count * count
            fields = dict(zip(("at", *NAMES), key, strict=True))
            RollupTime.objects.create(
                id=row_id(row.grain, (*key, int(one))),
                grain=row.grain,
                duration_class=int(one),
                count=count,
                micros=micros,
                **fields,
            )
        row.delete()
    note(SHOP, outcome="chain_step_completed", verdict="chain", outcome_details={**CALL, "duration_us": 9000})
    relay()
    AuditRecord.objects.filter(number__gt=66).delete()
    assert times_pack(batch=1) == 1
    assert times_pack(batch=5) == 5
    assert calls()["c/s",].count == answer["c/s",].count + 1
    call_command("build_analytics")
    assert not RollupTime.objects.filter(classes__isnull=True).exists()
    assert calls()["c/s",].micros == answer["c/s",].micros + 9000
    call_command("build_analytics", "--anew")
    assert all_sums() == whole
    assert calls() == answer


def test_names_beyond_the_first_of_a_day_are_added_up_together_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollup_names, "MOST_NAMES", 3)
    for number in range(10):
        hostile = Subject("ecommerce", "acme-store", f"p{number}", f"type{number}", f"order-{number}")
        note(hostile, payload=ORDER, matched_rule=f"r{number}", dispatched_at=noon())
        note(hostile, payload={**ORDER, "shipping_country": f"A{chr(65 + number)}"}, dispatched_at=noon(1))
        relay()
    note(STRANGER, payload=ORDER, dispatched_at=noon())
    relay()
    for grain in GRAINS[1:]:
        assert Rollup.objects.filter(grain=grain, kind=1).count() == 2 * (3 + 1) + 1
        names = Rollup.objects.filter(grain=grain, kind=COUNTRIES, at__lt=noon().timestamp() - 86_400 // 2)
        assert set(names.values_list("label", flat=True)) == {"AA", "AB", "AC", OTHER}
        others = Rollup.objects.filter(grain=grain, kind=1, action_type=OTHER, provider=OTHER)
        assert sorted(others.values_list("count", "amount", "label")) == [(7, 8750, ""), (7, 8750, OTHER)]
        assert RollupTime.objects.filter(grain=grain, provider="p4").count() == 0
    assert sums_counted(86_400).total() == 21
