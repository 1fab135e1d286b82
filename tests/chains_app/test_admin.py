"""The pages of chains, runs and incidents: what is typed is checked as what is loaded, buttons call services."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from audit_app.models import AuditHead, AuditRecord, RedactedField
from chains_app.models import (
    Attempt,
    ChainDefinition,
    ChainVersion,
    Incident,
    Run,
    StepRun,
)
from chains_app.selectors import definitions
from chains_app.services.providers import breaker_save
from tests.chains_app.pages import add_provider, errors_of, press, staff, url
from tests.chains_app.shop import open_shop, order_processing

pytestmark = pytest.mark.django_db


def test_a_chain_is_shown_with_its_picture_and_asks_nobody_else() -> None:
    open_shop()
    chain = ChainDefinition.objects.get(name="order-processing")
    page = staff().get(url("chaindefinition", "change", chain.pk)).content.decode()
    picture = page[page.index('<svg class="gw-chain"') :].split("</svg>")[0]
    for name in ("validate", "fraud-review-step", "charge", "fulfill", "notify"):
        assert f">{name}</text>" in picture
    assert "body.logged eq true" in picture
    assert picture.count("http") == 1  # the name of the SVG name space


def test_a_chain_typed_as_yaml_makes_a_new_version_that_decides() -> None:
    open_shop()
    client = staff()
    spec = """
name: refunds
trigger:
  action_type: "refund_order"
steps:
  - name: give-back
    provider: payment-gateway
    action_type: refund
"""
    assert client.post(url("chaindefinition", "add"), {"enabled": "on", "spec": spec}).status_code == 302
    config_versions.expire()
    chain = definitions().chain_for("n", "t", "refund_order")
    assert chain is not None
    row = ChainDefinition.objects.get(name="refunds")
    assert (chain.number, row.edited_by) == (1, "ann")
    changed = spec.replace("give-back", "pay-back")
    page = url("chaindefinition", "change", row.pk)
    assert client.post(page, {"enabled": "on", "spec": changed}).status_code == 302
    assert ChainVersion.objects.filter(definition=row).count() == 2
    assert client.post(page, {"spec": changed}).status_code == 302
    config_versions.expire()
    assert definitions().chain_for("n", "t", "refund_order") is None
    assert ChainVersion.objects.filter(definition=row).count() == 2


def test_a_new_chain_may_begin_switched_off() -> None:
    open_shop()
    spec = {"name": "later", "steps": [{"name": "a", "provider": "warehouse", "action_type": "t"}]}
    staff().post(url("chaindefinition", "add"), {"spec": json.dumps(spec)})
    assert ChainDefinition.objects.get(name="later").enabled is False


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"timeout_seconds": 0}, "timeout_seconds: must be a number of seconds"),
        ({"name": "other"}, 'name: must stay "order-processing"'),
        ({"stepz": []}, 'stepz: unknown key; did you mean "steps"?'),
        (
            {"steps": [{"name": "x", "sub_chain": "nobody"}]},
            'steps[0].sub_chain: no chain is called "nobody"',
        ),
    ],
)
def test_a_wrong_chain_is_told_on_its_field_and_not_saved(change: dict[str, Any], told: str) -> None:
    open_shop()
    chain = ChainDefinition.objects.get(name="order-processing")
    form = {"enabled": "on", "spec": json.dumps(order_processing(**change))}
    answer = staff().post(url("chaindefinition", "change", chain.pk), form)
    assert told in " ".join(errors_of(answer)["spec"])
    assert ChainVersion.objects.filter(definition=chain).count() == 1


def test_a_chain_in_use_is_not_deleted_and_the_page_says_why() -> None:
    open_shop()
    client = staff()
    review = ChainDefinition.objects.get(name="fraud-review")
    answer = client.post(url("chaindefinition", "delete", review.pk), {"post": "yes"}, follow=True)
    assert "called by chain order-processing" in answer.content.decode()
    main = ChainDefinition.objects.get(name="order-processing")
    assert client.post(url("chaindefinition", "delete", main.pk), {"post": "yes"}).status_code == 302
    assert not ChainDefinition.objects.filter(pk=main.pk).exists()


def parked_run() -> Run:
    RedactedField.objects.create(path="card_number")
    config_versions.reset()
    run = Run.objects.create(
        kind="chain",
        chain_name="order-processing",
        version=ChainVersion.objects.get(definition__name="order-processing"),
        namespace="ecommerce",
        tenant="acme-store",
        provider="payment-gateway",
        action_type="place_order",
        action_id="a-1",
        status="waiting_signal",
        execution_path=["validate", "charge"],
        origin={
            "id": "a-1",
            "namespace": "ecommerce",
            "tenant": "acme-store",
            "provider": "payment-gateway",
            "action_type": "place_order",
            "payload": {"order_id": "o-1", "card_number": "tok_verysecret"},
        },
    )
    done = StepRun.objects.create(
        run=run,
        index=0,
        name="validate",
        provider="payment-gateway",
        status="completed",
        attempt=1,
        response={"logged": True, "echo": "tok_verysecret <script>"},
    )
    StepRun.objects.create(
        run=run, index=2, name="charge", provider="payment-gateway", error="no tok_verysecret", attempt=1
    )
    Attempt.objects.create(
        step=done,
        number=1,
        provider="payment-gateway",
        started_at=run.started_at,
        completed_at=run.started_at,
        duration_ms=12,
        success=True,
    )
    Incident.objects.create(run=run, step="charge", reason="unknown_outcome", message="nobody knows")
    return run


def test_a_run_is_shown_step_by_step_and_redacted() -> None:
    open_shop()
    run = parked_run()
    page = staff().get(url("run", "change", run.pk)).content.decode()
    assert "tok_verysecret" not in page
    assert "[REDACTED] &lt;script&gt;" in page
    assert ">12 ms</span>" in page
    assert "unknown_outcome" in page
    assert "o-1" in page
    assert ">validate</text>" in page


def test_the_list_of_runs_reads_no_payload_and_never_grows_in_queries() -> None:
    open_shop()
    parked_run()
    client = staff()
    client.get(url("run", "changelist"))  # what a process remembers from its first page on
    with CaptureQueriesContext(connection) as one:
        assert client.get(url("run", "changelist")).status_code == 200
    for _ in range(5):
        run = Run.objects.first()
        assert run is not None
        run.pk = None
        run = Run(**{f.attname: getattr(run, f.attname) for f in Run._meta.fields if f.name != "id"})
        run.save(force_insert=True)
    with CaptureQueriesContext(connection) as many:
        page = client.get(url("run", "changelist"))
    assert len(many) == len(one)
    assert not any('"origin"' in query["sql"] for query in many)
    assert page.content.decode().count("order-processing") >= 6


def test_lists_of_runs_and_incidents_ask_for_what_an_index_answers_at_a_million_rows() -> None:
    open_shop()
    parked_run()
    AuditHead.objects.create(namespace="ecommerce", tenant="acme-store")
    client = staff()
    with CaptureQueriesContext(connection) as asked:
        page = client.get(url("run", "changelist"), {"status": "waiting_signal"}).content.decode()
        client.get(url("incident", "changelist"))
        client.get(url("run", "changelist"), {"scope": "ecommerce:acme-store"})
    assert "order-processing" in page
    of_runs = [query["sql"] for query in asked if "'waiting_signal'" in query["sql"]]
    assert of_runs
    # The index of statuses begins with the tenant; the one of ids is in order of time.
    assert all('"tenant" IN' in sql for sql in of_runs)
    assert any('ORDER BY "chains_app_incident"."id" DESC' in query["sql"] for query in asked)
    of_a_tenant = [query["sql"] for query in asked if """"tenant" = 'acme-store'""" in query["sql"]]
    newest = '"chains_app_run"."started_at" DESC, "chains_app_run"."id" DESC'
    assert any(newest in sql for sql in of_a_tenant)


def test_nothing_of_a_run_can_be_changed_by_hand() -> None:
    open_shop()
    run = parked_run()
    client = staff()
    assert client.get(url("run", "add")).status_code == 403
    assert client.post(url("run", "change", run.pk), {"status": "completed"}).status_code == 403
    assert client.post(url("run", "delete", run.pk), {"post": "yes"}).status_code == 403


def test_an_operator_cancels_a_run_and_a_viewer_does_not() -> None:
    open_shop()
    run = parked_run()
    operator = staff("view_run", "change_run")
    assert url("run", "cancel", run.pk).encode() in operator.get(url("run", "change", run.pk)).content
    assert press(operator, "run", "cancel", run.pk).status_code == 302
    run.refresh_from_db()
    assert (run.cancel_requested_at is not None, run.cancelled_by) == (True, "ann")
    asked = AuditRecord.objects.get(outcome="state_changed", outcome_details__change="asked to stop")
    assert (asked.caller_id, asked.auth_method, asked.caller_address) == ("ann", "admin", "127.0.0.1")


def test_a_viewer_does_not_cancel_a_run() -> None:
    open_shop()
    run = parked_run()
    viewer = staff("view_run")
    button = url("run", "cancel", run.pk).encode()
    assert button not in viewer.get(url("run", "change", run.pk)).content
    assert press(viewer, "run", "cancel", run.pk).status_code == 403
    run.refresh_from_db()
    assert run.cancel_requested_at is None


@pytest.mark.parametrize(
    ("button", "resolution"), [("retry", "retried"), ("skip", "skipped"), ("cancel", "cancelled")]
)
def test_an_incident_is_resolved_by_its_buttons(button: str, resolution: str) -> None:
    open_shop()
    run = parked_run()
    incident = Incident.objects.get()
    client = staff("view_incident", "change_run")
    assert client.get(url("incident", "changelist")).status_code == 200
    assert b"Try again" in client.get(url("incident", "change", incident.pk)).content
    assert press(client, "incident", button, incident.pk).status_code == 302
    incident.refresh_from_db()
    assert (incident.resolution, incident.resolved_by) == (resolution, "ann")
    run.refresh_from_db()
    assert run.next_run_at is not None
    second = press(client, "incident", button, incident.pk)
    assert second.status_code == 302


@pytest.mark.parametrize("model", ["provider", "circuitbreaker", "chaindefinition", "run", "incident"])
def test_every_list_opens_filters_and_searches(model: str) -> None:
    open_shop()
    breaker_save(spec={"provider": "warehouse"}, actor="x")
    parked_run()
    client = staff()
    assert client.get(url(model, "changelist")).status_code == 200
    if model != "incident":
        assert client.get(url(model, "changelist"), {"q": "warehouse"}).status_code == 200
    if model in ("run", "incident"):
        key = {"run": "status", "incident": "state"}[model]
        assert client.get(url(model, "changelist"), {key: "open"}).status_code == 200


def test_names_in_a_picture_are_text_and_nothing_else() -> None:
    open_shop()
    evil = '<script>alert("x")</script>'
    provider = add_provider(staff(), name=evil)
    assert provider.status_code == 302
    spec = {"name": "evil", "steps": [{"name": "a", "provider": evil, "action_type": evil}]}
    client = Client()
    client.force_login(User.objects.get(username="ann"))
    client.post(url("chaindefinition", "add"), {"enabled": "on", "spec": json.dumps(spec)})
    chain = ChainDefinition.objects.get(name="evil")
    page = client.get(url("chaindefinition", "change", chain.pk)).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
