"""Recurring actions in files, under retention, at the doctor's, and from a shell."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError
from acteon_site.base.findings import State
from acteon_site.base.source import SYSTEM_SOURCE
from acteon_site.config_files.load import load_paths
from acteon_site.config_files.problems import LoadRefused
from audit_app.models import RetentionPolicy
from audit_app.services.legal_holds import legal_hold_lift, legal_hold_place
from audit_app.services.reaper import reap
from orders_app import checkups
from orders_app.metrics import recurring as gauges
from orders_app.models import Hold, RecurringAction, RecurringFiring
from orders_app.services.recurring.by_hand import Span, backfill_plan
from orders_app.services.recurring.edits import recurring_resume
from rules_app.models import Rule
from tests.orders_app.recurring.world import Clock, made, outcomes, swept
from tests.world import SCOPE, Shop, publish_rules

pytestmark = pytest.mark.django_db
FILE = """
recurring:
  - name: report
    namespace: ecommerce
    tenant: acme-store
    provider: email-service
    action_type: send_report
    payload: {to: ops, card_number: "4111111111111111"}
    cron_expression: "0 9 * * MON"
    timezone: Europe/Berlin
"""


def load(folder: Path, text: str, **options: Any) -> Any:
    (folder / "recurring.yaml").write_text(text)
    return load_paths([folder], actor="files", **options)


def test_a_file_makes_changes_pauses_and_removes_one_and_an_export_gives_it_back(
    shop: Shop, tmp_path: Path, clock: Clock
) -> None:
    load(tmp_path, FILE)
    row = RecurringAction.objects.get()
    assert (row.next_at == row.look_at, row.status, row.created_by) == (True, "active", "files")
    first = row.next_at
    load(tmp_path, FILE)
    load(tmp_path, FILE.replace('"0 9 * * MON"', '"30 9 * * MON"') + "    missed: all\n")
    row.refresh_from_db()
    assert row.next_at == first + timedelta(minutes=30)  # type: ignore[operator]
    assert row.missed == "all"
    load(tmp_path, FILE + "    enabled: false\n")
    row.refresh_from_db()
    assert (row.status, row.look_at) == ("paused", None)
    # A person's switch stays, and is no edit.
    recurring_resume(row=row, source=SYSTEM_SOURCE)
    load(tmp_path, FILE + "    enabled: false\n    description: x\n")
    row.refresh_from_db()
    assert (row.status, row.description) == ("active", "x")
    load(tmp_path, FILE + "    end_date: 2020-01-01T00:00:00Z\n")
    row.refresh_from_db()
    assert (row.status, row.next_at) == ("completed", None)
    out = tmp_path.parent / f"{tmp_path.name}-out"
    call_command("export_pipeline", str(out), stdout=StringIO())
    assert "end_date" in (out / "recurring.yaml").read_text()
    said = [one["outcome_details"]["change"] for one in shop.audit() if one["action_id"] == str(row.pk)]
    assert said == ["loaded"] * 2 + ["resumed"] + ["loaded"] * 3
    load(tmp_path, FILE.replace("name: report", "name: other"))
    assert [one.name for one in RecurringAction.objects.all()] == ["other"]


def test_a_load_passes_over_nothing_that_is_due(shop: Shop, tmp_path: Path) -> None:
    text = FILE.replace('"0 9 * * MON"', '"0 12 * * *"').replace("Europe/Berlin", "UTC")
    load(tmp_path, text)
    # While the gateway was away.
    due = db_now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    RecurringAction.objects.update(next_at=due, look_at=due)
    load(tmp_path, text + "    description: with another text\n")
    row = RecurringAction.objects.get()
    assert (row.next_at, row.look_at, row.description) == (due, due, "with another text")
    load(tmp_path, text.replace("0 12", "0 13"))
    row.refresh_from_db()
    assert row.next_at is not None
    assert row.next_at > db_now()  # other times count from now on


def test_a_file_is_refused_with_all_that_is_wrong(shop: Shop, tmp_path: Path, settings: Any) -> None:
    wrong = FILE.replace('"0 9 * * MON"', '"@daily"').replace("Europe/Berlin", "Berlin") + "    mised: once\n"
    with pytest.raises(LoadRefused) as refused:
        load(tmp_path, wrong)
    assert {problem.field for problem in refused.value.problems} == {"cron_expression", "timezone", "mised"}
    settings.RECURRING_PER_TENANT = 0
    with pytest.raises(LoadRefused, match="ACTEON_RECURRING_PER_TENANT"):
        load(tmp_path, FILE)
    settings.RECURRING_PER_TENANT = 1
    warned = load(tmp_path, FILE.replace("email-service", "nobody")).warnings
    assert "there is no provider" in str(warned[0])


def test_a_plan_shows_no_card(shop: Shop, tmp_path: Path) -> None:
    load(tmp_path, FILE)
    report = load(tmp_path, FILE.replace("4111111111111111", "4000056655665556"), dry_run=True)
    assert report.changes
    assert "4111" not in str(report)
    assert "4000056655665556" not in str(report)


def test_retention_removes_firings_and_no_backfill_fires_what_is_forgotten(
    open_shop: Shop, clock: Clock
) -> None:
    row = made()
    for _ in range(3):
        clock.forward(minutes=1)
        swept(row)
    oldest = RecurringFiring.objects.order_by("occurrence")[0]
    RecurringFiring.objects.filter(pk=oldest.pk).update(fired_at=clock.now - timedelta(days=900))
    RetentionPolicy.objects.create(**SCOPE, state_ttl_seconds=86_400)
    config_versions.reset()
    reap()
    assert RecurringFiring.objects.count() == 2
    row.refresh_from_db()
    assert row.forgotten_until == oldest.occurrence
    with pytest.raises(AppError, match="nobody knows what was fired"):
        backfill_plan(row, Span(clock.back(10), clock.minute), clock.now)
    assert len(backfill_plan(row, Span(clock.back(1), clock.minute), clock.now)) == 2


def test_retention_leaves_the_firing_by_which_the_next_one_knows_that_it_overlaps(
    open_shop: Shop, clock: Clock
) -> None:
    ask = {"type": "request_approval", "notify_provider": "email-service", "timeout_seconds": 86_400 * 900}
    Rule.objects.create(
        name="ask", priority=0, condition={"field": "action.action_type", "eq": "send_digest"}, action=ask
    )
    publish_rules()
    row = made(overlap_policy="skip")
    clock.forward(minutes=1)
    assert outcomes(swept(row)) == ["pending_approval"]
    RecurringFiring.objects.update(fired_at=clock.now - timedelta(days=800))
    RetentionPolicy.objects.create(**SCOPE, state_ttl_seconds=86_400)
    config_versions.reset()
    reap()
    clock.forward(minutes=1)
    assert outcomes(swept(row)) == ["pending_approval", "skipped"]
    Hold.objects.update(ended_at=clock.now, status="cancelled")
    reap()
    assert outcomes(row) == ["skipped"]


def test_a_legal_hold_of_a_time_keeps_what_was_fired_in_it(open_shop: Shop, clock: Clock) -> None:
    row = made()
    clock.forward(minutes=1)
    swept(row)
    then = clock.now - timedelta(days=800)
    RecurringFiring.objects.update(fired_at=then)
    RetentionPolicy.objects.create(**SCOPE, state_ttl_seconds=86_400)
    hold = legal_hold_place(
        **SCOPE,
        reason="case 1",
        source=SYSTEM_SOURCE,
        held_from=then - timedelta(hours=1),
        held_until=then + timedelta(hours=1),
    )
    config_versions.reset()
    reap()
    assert RecurringFiring.objects.count() == 1
    legal_hold_lift(hold_id=hold.pk, reason="closed", source=SYSTEM_SOURCE)
    reap()
    assert not RecurringFiring.objects.exists()


def test_doctor_and_metrics_tell_what_is_overdue_and_what_cannot_be_fired(shop: Shop, clock: Clock) -> None:
    assert [one.state for one in checkups.recurring()] == [State.OK]
    row = made(name="digest")
    long_ago = clock.back(60 * 24 * 365)
    RecurringAction.objects.update(next_at=long_ago, look_at=long_ago, problem="no rules")
    overdue, broken = checkups.recurring()
    assert overdue.state == State.FAIL
    assert "digest of ecommerce/acme-store: no rules" in broken.text
    told = gauges()
    assert (told["recurring_active"], told["recurring_failing"]) == (1, 1)
    assert told["recurring_oldest_due_seconds"] > 0
    assert row.name == "digest"


def command(*words: str) -> str:
    out = StringIO()
    call_command("recurring", *words, stdout=out)
    return out.getvalue()


def test_a_shell_lists_them_and_their_times_and_pauses_them(open_shop: Shop, clock: Clock) -> None:
    row = made(name="digest", cron_expression="0 9 * * *", timezone="Asia/Tokyo")
    made(name="digest", tenant="other-store")
    assert "2 recurring actions" in command("list")
    assert "Asia/Tokyo" in command("list", "--tenant", "acme-store")
    with pytest.raises(CommandError, match="say --namespace and --tenant"):
        command("next", "digest")
    assert "09:00 JST" in command("next", str(row.pk), "--zone", "Europe/Berlin", "--count", "2")
    assert "Every 15th minute" in command("next", "*/15 * * * *")
    for words, said in (
        (("next", "0 0 30 2 *"), "never comes"),
        (("next", "digest", "--zone", "x"), "time zone"),
        (("history", "nobody"), "recurring list"),
    ):
        with pytest.raises(CommandError, match=said):
            command(*words)
    assert "is paused" in command("pause", "digest", "--tenant", "acme-store")
    assert "fires next at" in command("resume", "digest", "--tenant", "acme-store")
    assert "the newest first" in command("history", str(row.pk))


@pytest.mark.parametrize("count", ["-1", "0", "many"])
def test_a_shell_is_told_of_a_number_that_is_none(open_shop: Shop, count: str) -> None:
    made(name="digest")
    for words in (("next", "* * * * *"), ("next", "digest"), ("history", "digest")):
        with pytest.raises(CommandError, match="--count: must be a whole number from 1"):
            command(*words, f"--count={count}")
