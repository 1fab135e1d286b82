"""`manage.py incidents` and `manage.py dead_letters`: what a person sees, and what they change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command, execute_from_command_line
from django.core.management.base import CommandError

from acteon_site.management.base import operator_name
from audit_app.models import AuditRecord
from chains_app.management.commands import dead_letters, incidents
from chains_app.models import Incident, Run
from tests.chains_app.gateway import Gateway, settle
from tests.chains_app.repair.stopped import failed, parked, placed_anew, refunded
from tests.people import PRIVATE
from tests.world import Shop

ROOT = Path(__file__).resolve().parents[3]
MADE_UP = "01890000-0000-7000-8000-000000000000"
pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def as_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    return error.value


# Incidents -----------------------------------------------------------------------------------------------------


def test_incidents_are_listed_with_order_reason_and_step(shop: Shop) -> None:
    incident = parked(shop, "ORD-1")
    shown = run("incidents", "list")
    for seen in ("ORD-1", "fallback_review", "validate", "order-processing", "ecommerce/acme-store"):
        assert seen in shown
    assert str(incident.pk) in shown
    assert not any(secret in shown for secret in PRIVATE)


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("--tenant", "acme-store"), 1),
        (("--tenant", "other"), 0),
        (("--chain", "order-processing", "--reason", "fallback_review", "--step", "validate"), 1),
        (("--reason", "unknown_outcome"), 0),
        (("--namespace", "elsewhere"), 0),
    ],
)
def test_incidents_are_filtered(shop: Shop, filters: tuple[str, ...], count: int) -> None:
    parked(shop)
    assert len(as_json("incidents", "list", *filters)) == count


def test_resolved_incidents_are_listed_when_asked_for(shop: Shop) -> None:
    incident = parked(shop)
    run("incidents", "skip", str(incident.pk))
    assert "No run waits" in run("incidents", "list")
    (row,) = as_json("incidents", "list", "--resolved")
    assert (row["resolution"], row["resolved_by"]) == ("skipped", operator_name("incidents"))


def test_an_incident_is_shown_by_its_id_and_by_its_runs(shop: Shop) -> None:
    incident = parked(shop, "ORD-1")
    for key in (incident.pk, incident.run_id):
        shown = run("incidents", "show", str(key))
        for seen in ("ORD-1", "fallback_review at step validate", "notify-customer", "version 1", "Decide:"):
            assert seen in shown
    found = as_json("incidents", "show", str(incident.pk))
    assert (found["order"], found["run"]["status"]) == ("ORD-1", "waiting_signal")


def test_a_retry_by_command_goes_on_and_names_who_asked(shop: Shop, gateway: Gateway) -> None:
    incident = parked(shop, "ORD-1")
    assert "ORD-1: the run" in run("incidents", "retry", str(incident.pk))
    settle(4)
    incident.refresh_from_db()
    assert (incident.resolution, incident.resolved_by) == ("retried", operator_name("incidents"))
    row = AuditRecord.objects.get(auth_method="command")
    assert (row.caller_id, row.outcome) == (operator_name("incidents"), "chain_step_retrying")
    assert Run.objects.get().status == "completed"


def test_what_a_person_found_stands_in_the_trail(shop: Shop) -> None:
    run("incidents", "skip", str(parked(shop).pk), "--outcome", "done")
    assert AuditRecord.objects.get(auth_method="command").outcome_details["found"] == "done"
    assert "invalid choice" in str(refused("incidents", "retry", MADE_UP, "--outcome", "perhaps"))


def test_what_is_resolved_says_by_whom_and_decides_nothing_more(shop: Shop) -> None:
    incident = parked(shop)
    run("incidents", "skip", str(incident.pk))
    for verb in ("retry", "skip", "cancel"):
        error = refused("incidents", verb, str(incident.pk))
        assert f"was skipped by {operator_name('incidents')}" in str(error)
        assert error.returncode == 1


@pytest.mark.parametrize("verb", ["retry", "skip", "cancel"])
def test_a_decision_is_good_only_for_the_incident_that_was_seen(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    incident, look = parked(shop), incidents._target

    def look_and_be_late(text: str) -> tuple[Run, Incident | None]:
        found = look(text)
        Incident.objects.update(resolved_at=incident.opened_at, resolution="superseded")
        Incident.objects.create(run=incident.run, step="validate", reason="unknown_outcome")
        return found

    monkeypatch.setattr(incidents, "_target", look_and_be_late)
    assert "does not wait over this any more" in str(refused("incidents", verb, str(incident.run_id)))
    assert Run.objects.get().cancel_requested_at is None
    assert Incident.objects.get(resolved_at=None).reason == "unknown_outcome"


def test_a_cancel_keeps_its_reason(shop: Shop, gateway: Gateway) -> None:
    incident = parked(shop)
    assert "asked to stop" in run("incidents", "cancel", str(incident.pk), "--reason", " sold\nout ")
    settle(2)
    stopped = Run.objects.get()
    assert (stopped.status, stopped.cancel_reason) == ("cancelled", "sold out")
    assert stopped.cancelled_by == operator_name("incidents")


def test_many_are_resumed_after_a_preview(shop: Shop, gateway: Gateway) -> None:
    parked(shop, "ORD-1"), parked(shop, "ORD-2")
    shown = run("incidents", "resume", "--chain", "order-processing")
    assert "2 of 2 would go on. Nothing was changed" in shown
    assert Incident.objects.filter(resolved_at=None).count() == 2
    assert "2 of 2 go on" in run("incidents", "resume", "--chain", "order-processing", "--yes")
    settle(4)
    assert set(Run.objects.values_list("status", flat=True)) == {"completed"}


def test_of_many_those_that_cannot_go_on_are_told_and_the_shell_sees_it(shop: Shop) -> None:
    able, unable = parked(shop, "ORD-1"), parked(shop, "ORD-2")
    unable.run.steps.update(undo="done")
    with pytest.raises(SystemExit) as ended:
        run("incidents", "resume", "--all", "--yes")
    assert ended.value.code == 1
    assert Run.objects.get(pk=able.run_id).status == "running"
    assert Run.objects.get(pk=unable.run_id).status == "waiting_signal"


@pytest.mark.parametrize("command", ["incidents resume", "dead_letters replay", "dead_letters drain"])
def test_many_are_changed_by_a_filter_or_by_all_and_never_by_neither(command: str) -> None:
    assert "give a filter" in str(refused(*command.split(), "--yes"))
    assert refused(*command.split(), "--yes").returncode == 2
    assert "exclude each other" in str(refused(*command.split(), "--all", "--tenant", "x"))
    assert "matches" in run(*command.split(), "--all")
    assert run(*command.split(), "--all", "--yes")


@pytest.mark.parametrize("verb", ["show", "retry", "skip", "cancel"])
@pytest.mark.parametrize("key", [MADE_UP, "nonsense"])
def test_an_unknown_id_says_where_the_ids_are(verb: str, key: str) -> None:
    error = refused("incidents", verb, key)
    assert "`incidents list` shows what waits" in str(error)
    assert error.returncode == 1


# Dead letters --------------------------------------------------------------------------------------------------


def test_dead_letters_are_listed_counted_and_previewed(shop: Shop, gateway: Gateway) -> None:
    failed(shop, gateway, "ORD-1"), refunded(shop, gateway, "ORD-2"), placed_anew(shop, gateway, "ORD-3")
    shown = run("dead_letters", "list")
    for seen in ("ORD-1", "ORD-2", "fulfill", "EXECUTION_FAILED", "HTTP 422", "order-processing"):
        assert seen in shown
    assert not any(secret in shown for secret in PRIVATE)
    assert "3 in all" in run("dead_letters", "stats")
    (kind,) = as_json("dead_letters", "stats")["kinds"]
    assert (kind["reason"], kind["count"]) == ("EXECUTION_FAILED", 3)
    preview = as_json("dead_letters", "replay", "--tenant", "acme-store")
    assert {row["order"]: row["code"] for row in preview["runs"]} == {
        **{"ORD-1": None, "ORD-2": "COMPENSATED", "ORD-3": "PLACED_ANEW"}
    }
    assert Run.objects.filter(dead_lettered_at=None).count() == 1  # the one that was placed anew


def test_dead_letters_are_filtered_by_the_step_that_failed(shop: Shop, gateway: Gateway) -> None:
    failed(shop, gateway, "ORD-1"), failed(shop, gateway, "ORD-2", kind="charge_card")
    (row,) = as_json("dead_letters", "list", "--step", "charge")
    assert (row["order"], row["step"]) == ("ORD-2", "charge")
    assert as_json("dead_letters", "list", "--step", "validate", "--reason", "TIMEOUT") == []
    assert len(as_json("dead_letters", "list", "--limit", "1")) == 1


def test_one_is_replayed_by_its_id_and_completes(shop: Shop, gateway: Gateway) -> None:
    letter = failed(shop, gateway, "ORD-1")
    assert "Order ORD-1" in run("dead_letters", "replay", str(letter.pk))
    settle(4)
    letter.refresh_from_db()
    assert letter.status == "completed"
    row = AuditRecord.objects.get(outcome="chain_step_retrying", chain_id=letter.pk)
    assert row.caller_id == operator_name("dead_letters")
    again = refused("dead_letters", "replay", str(letter.pk))
    assert "`incidents show` tells how its run stands" in str(again)


def test_what_cannot_be_replayed_says_why_and_what_to_do(shop: Shop, gateway: Gateway) -> None:
    spent, twice = refunded(shop, gateway, "ORD-1"), placed_anew(shop, gateway, "ORD-2")
    assert "was compensated" in str(refused("dead_letters", "replay", str(spent.pk)))
    error = refused("dead_letters", "replay", str(twice.pk))
    assert "the order was placed anew" in str(error)
    assert "`dead_letters drain` takes this one off the list" in str(error)
    assert "It cannot be retried: something of this run was compensated" in run(
        "incidents", "show", str(spent.pk)
    )


def test_many_are_replayed_and_the_others_stay_on_the_list(shop: Shop, gateway: Gateway) -> None:
    able, spent = failed(shop, gateway, "ORD-1"), refunded(shop, gateway, "ORD-2")
    with pytest.raises(SystemExit) as ended:
        run("dead_letters", "replay", "--all", "--yes")
    assert ended.value.code == 1
    settle(4)
    able.refresh_from_db()
    assert able.status == "completed"
    assert [row["chain_id"] for row in as_json("dead_letters", "list")] == [str(spent.pk)]


def test_draining_shows_first_and_is_written_down(shop: Shop, gateway: Gateway) -> None:
    one, two = failed(shop, gateway, "ORD-1"), failed(shop, gateway, "ORD-2")
    assert "1 taken" not in run("dead_letters", "drain", "--all")
    assert Run.objects.exclude(dead_lettered_at=None).count() == 2
    assert "ORD-1: the run" in run("dead_letters", "drain", str(one.pk))
    drained = as_json("dead_letters", "drain", "--all", "--yes")
    assert [entry["chain_id"] for entry in drained["entries"]] == [str(two.pk)]
    assert not Run.objects.exclude(dead_lettered_at=None).exists()
    callers = AuditRecord.objects.filter(outcome="state_changed").values_list("caller_id", flat=True)
    assert list(callers) == [operator_name("dead_letters")] * 2


@pytest.mark.parametrize("verb", ["replay", "drain"])
def test_ids_that_are_none_are_refused(verb: str) -> None:
    assert "is no id of a run" in str(refused("dead_letters", verb, "nonsense"))
    assert "no such run" in str(refused("dead_letters", verb, MADE_UP))
    assert "not both" in str(refused("dead_letters", verb, MADE_UP, "--all"))


@pytest.mark.parametrize("limit", ["0", "-1", "many", "100000"])
def test_a_limit_is_a_number_within_bounds(limit: str) -> None:
    assert "whole number from 1 to 1000" in str(refused("dead_letters", "list", f"--limit={limit}"))


# Both ----------------------------------------------------------------------------------------------------------

SUBCOMMANDS = [
    *(("incidents", name) for name in incidents.SUBCOMMANDS),
    *(("dead_letters", name) for name in dead_letters.SUBCOMMANDS),
]


@pytest.mark.parametrize(("command", "name"), [("incidents", ""), ("dead_letters", ""), *SUBCOMMANDS])
def test_help_has_examples_and_exit_codes(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command(command, *filter(None, (name, "--help")))
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"python manage.py {command} {name}".strip() in shown
    assert "exit codes" in shown


def test_a_shell_sees_the_exit_code_and_no_traceback() -> None:
    ran = subprocess.run(
        [sys.executable, "manage.py", "incidents", "resume", "--yes"],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert ran.stderr


def test_a_word_that_is_none_of_its_own_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(["manage.py", "incidents", "fly"])
    assert ended.value.code == 2
    assert "invalid choice: 'fly'" in capsys.readouterr().err
