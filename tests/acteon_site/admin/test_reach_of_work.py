"""What a person with roles in one tenant is told and can do on pages that do more than list rows."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from acteon_site.access.roles import person_roles_set
from acteon_site.access.session_standing import session_principal
from acteon_site.access.standing import standing
from audit_app.models import LegalHold
from audit_app.services.relay import relay
from audit_app.stream import reading
from audit_app.stream.filters import may_see
from chains_app.models import CircuitBreaker
from orders_app.models import ApprovalPolicy, Hold
from rules_app.models import Rule, RuleTrial
from tests.acteon_site.admin.test_reach import signed_in
from tests.audit_app.conftest import SHOP, STRANGER, note
from tests.people import People, always_open, errors_of, held, page_of, press
from tests.world import NAMESPACE, TENANT, Shop

pytestmark = pytest.mark.django_db
OTHER = STRANGER.tenant
WAITING, BULK = "orders_app_approval_changelist", reverse("admin:orders_app_approval_bulk")


def test_sums_and_the_live_board_are_of_the_shops_that_one_reaches() -> None:
    for _ in range(3):
        note(STRANGER)
    note(SHOP)
    relay()
    client = signed_in("one", viewer_in=[NAMESPACE])
    state = reverse("admin:audit_app_liveboard_state")
    assert client.get(state).json()["today"] == {"executed": 1}
    assert client.get(state, {"scope": f"{NAMESPACE}:{OTHER}"}).json()["today"] == {"executed": 1}
    shown = client.get(reverse("admin:audit_app_dashboard_changelist"), {"range": "day"}).context
    figures = {panel.name: found for panel, found in shown["panels"]}
    assert figures["orders"]["total"] == 1
    assert "gateway" not in figures
    assert [label for _, label in shown["scopes"]] == [f"{NAMESPACE} / {TENANT}"]
    orders = reverse("admin:audit_app_liveboard_orders")
    assert client.get(orders, {"id": STRANGER.action_id}).json() == {}
    CircuitBreaker.objects.create(provider="secret-provider")
    assert "secret-provider" not in page_of(client, "audit_app_dashboard_changelist")


def test_its_stream_sends_the_frames_that_one_reaches_and_ends_when_that_changes() -> None:
    note(SHOP)
    note(STRANGER)
    relay()
    signed_in("one", viewer_in=[NAMESPACE])
    user = User.objects.get(username="one")
    request = RequestFactory().get("/")
    request.user, request.session = user, SessionStore(_session_of(user))
    caller = session_principal(request, "audit_app.view_auditrecord")
    assert caller is not None
    seen = [frame.tenant for frame in reading.frames_after(0, limit=10) if may_see(caller, frame)]
    assert seen == [TENANT]
    assert standing([caller]) == {caller}
    person_roles_set(user=user, viewer_in=["else"], operator_in=[], admin_in=[], tenants=["*"])
    assert standing([caller]) == set()


def _session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.session.session_key)


def test_several_approvals_are_decided_only_where_one_is_an_operator(shop: Shop) -> None:
    always_open()
    hold = held(shop)
    viewer = signed_in("viewer", viewer_in=[NAMESPACE], operator_in=["elsewhere"])
    chosen = {"decision": "reject", "id": [str(hold.pk)]}
    assert viewer.post(BULK, chosen).context["able"] == 0
    (line,) = viewer.post(BULK, {**chosen, "confirm": "yes"}).context["lines"]
    assert "do not cover" in line.told
    stranger = signed_in("stranger", tenant=OTHER, operator_in=[NAMESPACE])
    assert stranger.post(BULK, {**chosen, "confirm": "yes"}).context["lines"] == []
    assert Hold.objects.get(pk=hold.pk).status == "pending"
    signed_in("own", operator_in=[NAMESPACE]).post(BULK, {**chosen, "confirm": "yes"})
    assert not Hold.objects.filter(pk=hold.pk, status="pending", taken="").exists()


def test_an_approval_is_handed_only_to_who_reaches_it_and_its_list_tells_nobody_else(
    shop: Shop, people: People
) -> None:
    always_open()
    hold = held(shop)
    signed_in("far", tenant=OTHER, operator_in=[NAMESPACE])
    signed_in("looks", viewer_in=[NAMESPACE])
    near = signed_in("near", operator_in=[NAMESPACE])
    boss = people.client()
    context = boss.get(reverse("admin:orders_app_approval_change", args=[hold.pk])).context
    assert list(context["people"]) == ["boss", "near"]
    press(boss, "orders_app_approval_assign", hold, to="far")
    assert Hold.objects.get(pk=hold.pk).assigned_to == ""
    press(boss, "orders_app_approval_assign", hold, to="near")
    assert Hold.objects.get(pk=hold.pk).assigned_to == "near"
    far = Client()
    far.force_login(User.objects.get(username="far"))
    for query in ({}, {"q": hold.order_name}, {"q": str(hold.pk)}, {"state": "all"}):
        assert far.get(reverse(f"admin:{WAITING}"), query).context["rows"] == []
        assert [row.pk for row in near.get(reverse(f"admin:{WAITING}"), query).context["rows"]] == [hold.pk]
    states = reverse("admin:orders_app_approval_states")
    before = far.get(states, {"id": hold.pk}).json()
    Hold.objects.filter(pk=hold.pk).update(status="expired", due_at=timezone.now() - timedelta(hours=1))
    assert far.get(states, {"id": hold.pk}).json() == before
    expired = reverse("admin:orders_app_approval_expired")
    assert (far.get(expired).context["total"].count, near.get(expired).context["total"].count) == (0, 1)


def test_what_is_for_all_of_a_namespace_is_made_by_who_reaches_all_of_it(shop: Shop) -> None:
    client = signed_in("one", admin_in=[NAMESPACE])
    hold = {"namespace": NAMESPACE, "tenant": "*", "order_name": "", "reason": "a court's order"}
    page = reverse("admin:audit_app_legalhold_add")
    assert "do not cover" in errors_of(client.post(page, hold))["namespace"][0]
    client.post(page, {**hold, "tenant": TENANT})
    assert [row.tenant for row in LegalHold.objects.all()] == [TENANT]
    policy = {"name": "all", "enabled": "on", "namespace": "*", "tenant": "*"}
    page = reverse("admin:orders_app_approvalpolicy_add")
    assert "do not cover" in errors_of(client.post(page, policy))["namespace"][0]
    assert not ApprovalPolicy.objects.filter(name="all").exists()
    assert client.get(reverse("admin:rules_app_rulecounter_add")).status_code == 403


def test_evidence_is_taken_away_of_what_one_reaches(shop: Shop) -> None:
    note(SHOP)
    note(STRANGER)
    relay()
    client = signed_in("one", viewer_in=[NAMESPACE])
    page, days = "/admin/audit_app/auditrecord/evidence/", {"since": "2020-01-01", "until": "2098-12-31"}
    shown = client.get(page).content.decode()
    assert f"{NAMESPACE}:{TENANT}" in shown
    assert OTHER not in shown
    refused = client.post(page, {**days, "scope": f"{NAMESPACE}:{OTHER}"})
    assert "Select a valid choice" in refused.content.decode()
    assert client.post(page, {**days, "scope": f"{NAMESPACE}:{TENANT}"}).streaming


def test_the_report_of_a_rule_for_everyone_counts_what_one_reaches(shop: Shop) -> None:
    rule = Rule.objects.filter(namespace="*").first()
    assert rule is not None
    facts = {"side": "shadow", "would": "deny", "happened": "executed", "version": 1, "at": timezone.now()}
    action = {"provider": "p", "action_type": "t", "action": uuid4(), "action_id": "a"}
    for tenant in (TENANT, OTHER, OTHER):
        RuleTrial.objects.create(rule=rule.name, namespace=NAMESPACE, tenant=tenant, **facts, **action)
    client = signed_in("one", viewer_in=[NAMESPACE])
    report = client.get(reverse("admin:rules_app_rule_report", args=[rule.pk]))
    assert [side["sum"].trials for side in report.context["sides"]] == [1]
    assert OTHER not in report.content.decode()
