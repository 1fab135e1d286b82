"""The pages of repair: dead letters with their two buttons, and many at once after a preview."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit_app.models import AuditRecord
from audit_app.services.relay import relay
from chains_app.models import Incident, Run
from tests.chains_app.gateway import Gateway, settle
from tests.chains_app.repair.stopped import failed, parked, placed_anew, refunded
from tests.people import PRIVATE, People, page_of, press, told
from tests.world import Shop

LIST, PAGE, REPLAY, DISMISS, MANY = (
    f"chains_app_deadletter_{page}" for page in ("changelist", "change", "replay", "dismiss", "repair_many")
)
RESUME = "chains_app_incident_resume_many"
LOOKING_ONLY = ["viewer", "approver", "rule editor"]


def choose(client: Client, page: str, verb: str, *rows: Any) -> Any:
    """Confirm the bulk page's button for these rows."""
    return client.post(reverse(f"admin:{page}"), {"verb": verb, "id": [str(row.pk) for row in rows]})


def shown_lines(answer: Any) -> dict[str, str]:
    return {line.order: line.problem for line in answer.context["lines"]}


# One dead letter -----------------------------------------------------------------------------------------------


def test_the_list_tells_order_chain_step_reason_and_age(shop: Shop, gateway: Gateway, people: People) -> None:
    failed(shop, gateway, "ORD-1")
    relay()
    client = people.client("viewer")
    page = page_of(client, LIST)
    for seen in (
        "ORD-1",
        "acme-store",
        "order-processing",
        "validate",
        "EXECUTION_FAILED",
        "HTTP 422",
        " ago",
    ):
        assert seen in page
    assert "ORD-1" not in page_of(client, LIST, scope="ecommerce:other")
    assert "Dead letters" in page_of(client, "index")


def test_the_page_tells_what_failed_without_the_card(shop: Shop, gateway: Gateway, people: People) -> None:
    run = failed(shop, gateway, "ORD-1", kind="charge_card")
    page = page_of(people.client("operator"), PAGE, run.pk)
    for seen in ("ORD-1", "charge", "HTTP 422: no", "version 1", "Yes, replay it", "Yes, dismiss it"):
        assert seen in page
    assert "It goes on at the step charge" in page
    assert not any(secret in page for secret in PRIVATE)


@pytest.mark.parametrize("group", ["operator", "administrator", ""])
def test_replay_lets_the_order_go_on(shop: Shop, gateway: Gateway, people: People, group: str) -> None:
    run = failed(shop, gateway, "ORD-1")
    client = people.client(group, name="olga")
    answer = press(client, REPLAY, run)
    assert "ORD-1 goes on at the step validate" in told(answer)
    assert answer.headers["Location"] == reverse("admin:chains_app_run_change", args=[run.pk])
    settle(4)
    run.refresh_from_db()
    assert run.status == "completed"
    row = AuditRecord.objects.get(outcome="chain_step_retrying", chain_id=run.pk)
    assert (row.caller_id, row.auth_method) == ("olga", "admin")
    assert reverse(f"admin:{PAGE}", args=[run.pk]) not in page_of(client, LIST)


def test_dismiss_takes_it_off_the_list_and_leaves_the_run(
    shop: Shop, gateway: Gateway, people: People
) -> None:
    run = refunded(shop, gateway, "ORD-1")
    answer = press(people.client("operator"), DISMISS, run)
    assert "ORD-1 is off the list" in told(answer)
    assert answer.headers["Location"] == reverse(f"admin:{LIST}")
    run.refresh_from_db()
    assert (run.status, run.dead_lettered_at) == ("failed", None)
    assert AuditRecord.objects.get(outcome="state_changed", chain_id=run.pk).caller_id == "operator"


@pytest.mark.parametrize(
    ("make", "why"), [(refunded, "something of this run was compensated"), (placed_anew, "was placed anew")]
)
def test_what_cannot_be_replayed_says_why_and_has_no_such_button(
    shop: Shop, gateway: Gateway, people: People, make: Any, why: str
) -> None:
    run, client = make(shop, gateway), people.client("operator")
    page = page_of(client, PAGE, run.pk)
    assert "It cannot be replayed" in page
    assert why in page
    assert "Yes, replay it" not in page
    assert "Yes, dismiss it" in page
    assert "Nothing was changed" in told(answer := press(client, REPLAY, run))
    assert why in told(answer)
    run.refresh_from_db()
    assert run.status == "failed"


@pytest.mark.parametrize("second", [REPLAY, DISMISS])
def test_the_second_person_is_told_that_somebody_was_faster(
    shop: Shop, gateway: Gateway, people: People, second: str
) -> None:
    run, client = failed(shop, gateway), people.client("operator")
    press(client, REPLAY, run)
    assert "somebody has replayed or dismissed it" in told(press(client, second, run))
    settle(4)
    assert len(gateway.calls("charge_card")) == 1


@pytest.mark.parametrize("group", LOOKING_ONLY)
def test_who_may_only_look_sees_no_buttons(shop: Shop, gateway: Gateway, people: People, group: str) -> None:
    run, client = failed(shop, gateway), people.client(group)
    assert "Yes, replay it" not in page_of(client, PAGE, run.pk)
    for button in (REPLAY, DISMISS):
        assert press(client, button, run).status_code == 403
        assert client.get(reverse(f"admin:{button}", args=[run.pk])).status_code == 403
    for page in (MANY, RESUME):
        assert client.get(reverse(f"admin:{page}")).status_code == 403
        assert choose(client, page, "replay", run).status_code == 403
    assert "Repair many" not in page_of(client, LIST)
    run.refresh_from_db()
    assert run.status == "failed"


def test_who_is_in_no_group_sees_nothing(shop: Shop, gateway: Gateway, people: People) -> None:
    run, client = failed(shop, gateway), people.client("nobody")
    assert client.get(reverse(f"admin:{LIST}")).status_code == 403
    assert client.get(reverse(f"admin:{PAGE}", args=[run.pk])).status_code == 403


def test_a_link_alone_and_a_form_of_another_site_change_nothing(
    shop: Shop, gateway: Gateway, people: People
) -> None:
    run = failed(shop, gateway)
    assert people.client("operator").get(reverse(f"admin:{REPLAY}", args=[run.pk])).status_code == 405
    guarded = people.client("operator", name="otto", csrf=True)
    assert press(guarded, REPLAY, run).status_code == 403
    assert choose(guarded, MANY, "replay", run).status_code == 403
    run.refresh_from_db()
    assert run.status == "failed"


def test_a_running_run_has_no_page_here(shop: Shop, gateway: Gateway, people: People) -> None:
    run, client = failed(shop, gateway), people.client("operator")
    press(client, DISMISS, run)
    assert client.get(reverse(f"admin:{PAGE}", args=[run.pk])).status_code == 302


# Many at once --------------------------------------------------------------------------------------------------


def test_the_preview_says_what_would_go_on_and_what_not_and_why(
    shop: Shop, gateway: Gateway, people: People
) -> None:
    failed(shop, gateway, "ORD-1"), refunded(shop, gateway, "ORD-2"), placed_anew(shop, gateway, "ORD-3")
    answer = people.client("operator").get(reverse(f"admin:{MANY}"))
    problems = shown_lines(answer)
    assert next(iter(problems)) == "ORD-1"
    assert problems["ORD-1"] == ""
    assert "compensated" in problems["ORD-2"]
    assert "placed anew" in problems["ORD-3"]
    page = answer.content.decode()
    assert "1 of 3 would go on" in page
    assert page.count(" checked>") == 1
    assert Run.objects.filter(dead_lettered_at=None, status="failed").count() == 0


def test_the_preview_is_filtered_by_what_there_is(shop: Shop, gateway: Gateway, people: People) -> None:
    failed(shop, gateway, "ORD-1")
    client, path = people.client("operator"), reverse(f"admin:{MANY}")
    for query, count in (
        ({"scope": "ecommerce:acme-store", "chain_name": "order-processing"}, 1),
        ({"reason": "EXECUTION_FAILED"}, 1),
        ({"reason": "TIMEOUT"}, 0),
        ({"scope": "ecommerce:other"}, 0),
        ({"scope": "nonsense"}, 0),
        ({"chain_name": "\x00"}, 0),
        ({"reason": ""}, 1),
    ):
        answer = client.get(path, query)
        assert answer.status_code == 200
        assert len(answer.context["lines"]) == count, query


def test_the_chosen_are_replayed_and_the_result_tells_each(
    shop: Shop, gateway: Gateway, people: People
) -> None:
    able, other = failed(shop, gateway, "ORD-1"), failed(shop, gateway, "ORD-2")
    spent = refunded(shop, gateway, "ORD-3")
    answer = choose(people.client("operator"), MANY, "replay", able, spent)
    assert "1 of 2 go on" in answer.content.decode()
    assert "compensated" in shown_lines(answer)["ORD-3"]
    settle(4)
    status = dict(Run.objects.values_list("pk", "status"))
    assert (status[able.pk], status[other.pk], status[spent.pk]) == ("completed", "failed", "failed")
    assert Run.objects.exclude(dead_lettered_at=None).count() == 2


def test_the_chosen_are_dismissed(shop: Shop, gateway: Gateway, people: People) -> None:
    one, two = failed(shop, gateway, "ORD-1"), failed(shop, gateway, "ORD-2")
    answer = choose(people.client("operator"), MANY, "dismiss", one)
    assert "1 of 1 are off the list" in answer.content.decode()
    assert list(Run.objects.exclude(dead_lettered_at=None)) == [two]


def test_what_somebody_else_has_done_meanwhile_is_told(shop: Shop, gateway: Gateway, people: People) -> None:
    run, client = failed(shop, gateway), people.client("operator")
    press(client, REPLAY, run)
    answer = choose(client, MANY, "replay", run)
    assert "1 of those chosen is not here any more" in answer.content.decode()
    settle(4)
    assert len(gateway.calls("charge_card")) == 1


@pytest.mark.parametrize("form", [{}, {"verb": "replay"}, {"verb": "replay", "id": "nonsense"}])
def test_nothing_chosen_changes_nothing(
    shop: Shop, gateway: Gateway, people: People, form: dict[str, str]
) -> None:
    run = failed(shop, gateway)
    answer = people.client("operator").post(reverse(f"admin:{MANY}"), form)
    assert "choose at least one" in answer.content.decode()
    run.refresh_from_db()
    assert run.status == "failed"


def test_an_unknown_verb_changes_nothing(shop: Shop, gateway: Gateway, people: People) -> None:
    run = failed(shop, gateway)
    choose(people.client("operator"), MANY, "explode", run)
    run.refresh_from_db()
    assert (run.status, run.dead_lettered_at is None) == ("failed", False)


def test_incidents_are_resumed_many_at_once(shop: Shop, gateway: Gateway, people: People) -> None:
    able, unable, left = (parked(shop, name) for name in ("ORD-1", "ORD-2", "ORD-3"))
    unable.run.steps.update(undo="done")
    client = people.client("operator")
    assert reverse(f"admin:{RESUME}") in page_of(client, "chains_app_incident_changelist")
    preview = client.get(reverse(f"admin:{RESUME}"), {"step": "validate", "reason": "fallback_review"})
    assert set(shown_lines(preview)) == {"ORD-1", "ORD-2", "ORD-3"}
    assert "2 of 3 would go on" in preview.content.decode()
    answer = choose(client, RESUME, "resume", able, unable)
    assert "1 of 2 go on" in answer.content.decode()
    able.refresh_from_db()
    assert (able.resolution, able.resolved_by) == ("retried", "operator")
    assert set(Incident.objects.filter(resolved_at=None)) == {unable, left}
    settle(4)
    assert Run.objects.get(pk=able.run_id).status == "completed"


def test_an_incidents_cancel_asks_why(shop: Shop, gateway: Gateway, people: People) -> None:
    incident, client = parked(shop), people.client("operator")
    path = reverse("admin:chains_app_incident_cancel", args=[incident.pk])
    assert 'name="reason"' in client.get(path).content.decode()
    long = client.post(path, {"_form_submitted": "on", "reason": "x" * 501})
    assert long.status_code == 200  # the dialog again, with the trouble
    assert Run.objects.get().cancel_requested_at is None
    client.post(path, {"_form_submitted": "on", "reason": "sold out"})
    settle(2)
    assert (Run.objects.get().status, Run.objects.get().cancel_reason) == ("cancelled", "sold out")


def test_a_failed_run_is_resumed_from_its_page(shop: Shop, gateway: Gateway, people: People) -> None:
    run, client = failed(shop, gateway), people.client("operator")
    path = reverse("admin:chains_app_run_resume", args=[run.pk])
    assert path in page_of(client, "chains_app_run_change", run.pk)
    assert client.post(path, {"_form_submitted": "on"}).status_code == 302
    settle(4)
    run.refresh_from_db()
    assert run.status == "completed"
    assert path not in page_of(client, "chains_app_run_change", run.pk)
    assert client.post(path, {"_form_submitted": "on"}).status_code == 403
    viewer = people.client("viewer")
    assert viewer.post(path, {"_form_submitted": "on"}).status_code == 403


def test_a_refunded_run_is_not_resumed_from_its_page(shop: Shop, gateway: Gateway, people: People) -> None:
    run, client = refunded(shop, gateway), people.client("operator")
    path = reverse("admin:chains_app_run_resume", args=[run.pk])
    assert "compensated" in told(client.post(path, {"_form_submitted": "on"}))
    run.refresh_from_db()
    assert run.status == "failed"


def test_the_lists_cost_the_same_for_two_rows_and_for_twenty(
    shop: Shop, gateway: Gateway, people: People
) -> None:
    client = people.client("operator")
    for name in ("a", "b"):
        failed(shop, gateway, name)
        parked(shop, f"p-{name}")
    pages = (LIST, "chains_app_incident_changelist")
    few = [_cost(client, page) for page in pages]
    for run in Run.objects.exclude(dead_lettered_at=None).iterator():
        for _ in range(9):
            run.pk = Run._meta.pk.get_default()
            run.save(force_insert=True)
            Incident.objects.create(run=run, step="validate", reason="x")
    assert [_cost(client, page) for page in pages] == few


def _cost(client: Client, page: str) -> int:
    page_of(client, page)
    with CaptureQueriesContext(connection) as caught:
        page_of(client, page)
    queries = [query["sql"] for query in caught if "configstamp" not in query["sql"]]
    assert not any('"origin"' in sql for sql in queries)
    return len(queries)


@pytest.mark.parametrize(("button", "outcome"), [("skip", "done"), ("retry", "not_done"), ("retry", "")])
def test_what_a_person_found_goes_with_their_decision(
    shop: Shop, gateway: Gateway, people: People, button: str, outcome: str
) -> None:
    incident, client = parked(shop), people.client("operator")
    path = reverse(f"admin:chains_app_incident_{button}", args=[incident.pk])
    assert "What have you found" in client.get(path).content.decode()
    wrong = client.post(path, {"_form_submitted": "on", "outcome": "perhaps"})
    assert wrong.status_code == 200  # the dialog again
    assert Incident.objects.get().resolved_at is None
    client.post(path, {"_form_submitted": "on", "outcome": outcome})
    row = AuditRecord.objects.get(auth_method="admin")
    assert row.outcome_details.get("found", "") == outcome
