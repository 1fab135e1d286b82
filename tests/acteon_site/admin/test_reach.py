"""What a person's roles keep from him: every page of every model, walked with what another tenant has.

A colleague finds it, a stranger finds nothing: by list, by id, by button, by history. A new page is walked by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import NoReverseMatch, reverse

from acteon_site.access.people import groups_ensure
from acteon_site.access.reach import tenant_path
from acteon_site.access.roles import person_roles_set
from acteon_site.admin.scoped import ScopedAdmin
from acteon_site.base.principals import Role
from audit_app.models import AuditRecord
from orders_app.models import Hold, Order
from rules_app.models import NamedList, Quota, Rule
from tests.contract.test_tenancy import belongings, everything_of
from tests.contract.walk import CANARY, OWN
from tests.people import errors_of, told
from tests.world import NAMESPACE, TENANT, Shop

pytestmark = pytest.mark.django_db
Pages = list[tuple[str, list[Any]]]


def signed_in(name: str, *, group: str = "administrator", tenant: str = TENANT, **roles: list[str]) -> Client:
    """A person of that group who is limited to these namespaces of one tenant."""
    groups_ensure()
    user = User.objects.create_user(name, password="pw", is_staff=True)
    user.groups.set(Group.objects.filter(name=group))
    everywhere = {"viewer_in": [], "operator_in": [], "admin_in": [], "tenants": [tenant]}
    person_roles_set(user=user, **{**everywhere, **roles})  # type: ignore[arg-type]
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def pages() -> Iterator[tuple[Any, str, list[Any]]]:
    """Each page of each model with its address: those of a row for the newest rows of the model."""
    for model, page in admin.site._registry.items():
        rows = [row.pk for row in model._default_manager.order_by("-pk")[:1]]
        for pattern in page.get_urls():
            names = pattern.pattern.converters if hasattr(pattern, "pattern") else {}
            for args in [[pk] for pk in rows] if names else [[]]:
                try:
                    yield model, reverse(f"admin:{pattern.name}", args=args), args
                except NoReverseMatch:
                    continue


def asked_by_name(theirs: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """What pages answer to who names what is another's: choices, searches, counts, files, JSON."""
    shop = {"scope": f"{NAMESPACE}:{TENANT}"}
    approvals = reverse("admin:orders_app_approval_changelist")
    yield "/admin/", {}
    yield reverse("admin:app_list", args=["orders_app"]), {}
    yield reverse("admin:search"), {"s": CANARY, "extended": "1"}
    for text in (theirs["action"], theirs["order"], theirs["approval"], theirs["chain"], theirs["incident"]):
        yield reverse("find"), {"q": text}
        yield approvals, {"q": text, "state": "all"}
    for state in ("all", "waiting", "expired"):
        yield approvals, {"shop": shop["scope"], "state": state}
    yield reverse("admin:orders_app_approval_expired"), {"days": "90"}
    for page in ("dashboard_changelist", "liveboard_changelist", "liveboard_state"):
        yield reverse(f"admin:audit_app_{page}"), shop
        yield reverse(f"admin:audit_app_{page}"), {}
    yield reverse("admin:audit_app_liveboard_orders"), {"id": theirs["action"]}
    for model, page in admin.site._registry.items():
        if getattr(page, "exports", None):
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_export"
            yield from ((reverse(name), {"format": kind}) for kind in ("csv", "jsonl"))


def test_every_model_of_the_admin_is_behind_the_one_door() -> None:
    assert [model for model, page in admin.site._registry.items() if not isinstance(page, ScopedAdmin)] == []


def test_a_stranger_finds_nothing_on_any_page_and_changes_nothing(shop: Shop) -> None:
    mine = everything_of(shop)
    stranger = signed_in("stranger", tenant=OWN, admin_in=[NAMESPACE])
    before, walked = belongings(), 0
    for model, url, args in pages():
        if model in (User, Group):
            assert stranger.get(url).status_code in (302, 403, 404), url
            continue
        ways = (stranger.get, stranger.post) if args else (stranger.get,)
        for answer in (way(url, {"to": "confirmed", "verb": "replay"}) for way in ways):
            told_it = b"".join(answer) if answer.streaming else answer.content
            assert TENANT.encode() not in told_it, url
            assert CANARY.encode() not in told_it, url
            assert answer.status_code in (200, 302, 400, 403, 404, 405), url
            shared = (
                isinstance(admin.site._registry[model], ScopedAdmin)
                and admin.site._registry[model].shows_shared
            )
            if args and tenant_path(model) is None:
                assert answer.status_code in (302, 403, 404), url
            if args and tenant_path(model) == "" and not shared:
                assert answer.status_code != 200, url
        walked += 1
    for url, query in asked_by_name(mine):
        answer = stranger.get(url, query)
        told_it = b"".join(answer) if answer.streaming else answer.content
        asked = " ".join(query.values())
        assert answer.status_code in (200, 400, 403, 404), url
        assert TENANT in asked or TENANT.encode() not in told_it, url
        assert CANARY in asked or CANARY.encode() not in told_it, url
    assert belongings() == before
    assert walked > 100


def test_a_colleague_finds_what_the_namespace_holds_and_not_what_belongs_to_no_tenant(shop: Shop) -> None:
    mine = everything_of(shop)
    colleague = signed_in("colleague", admin_in=[NAMESPACE])
    order = Order.objects.get(action_id_text=mine["action"])
    for model, pk in ((Order, order.pk), (NamedList, mine["list"]), (Quota, mine["quota"])):
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        assert str(pk) in colleague.get(reverse(f"admin:{name}_changelist")).content.decode()
        assert colleague.get(reverse(f"admin:{name}_change", args=[pk])).status_code == 200
    for name in ("rules_app_rulesetversion", "chains_app_provider", "auth_user", "acteon_site_apikey"):
        assert colleague.get(reverse(f"admin:{name}_changelist")).status_code == 403
    home = colleague.get("/admin/").content.decode()
    assert reverse("admin:orders_app_approval_change", args=[mine["approval"]]) in home


def test_a_role_below_what_a_button_takes_looks_and_does_not_press(shop: Shop) -> None:
    mine = everything_of(shop)
    viewer = signed_in("viewer", viewer_in=[NAMESPACE], operator_in=["elsewhere"])
    page = reverse("admin:orders_app_approval_change", args=[mine["approval"]])
    assert "Yes, approve" not in viewer.get(page).content.decode()
    press = reverse("admin:orders_app_approval_approve", args=[mine["approval"]])
    assert viewer.post(press).status_code == 403
    assert Hold.objects.get(pk=mine["approval"]).status == "pending"
    operator = signed_in("operator", operator_in=[NAMESPACE])
    assert "Yes, approve" in operator.get(page).content.decode()
    operator.post(press)
    assert Hold.objects.get(pk=mine["approval"]).status == "approved"


def test_nothing_is_moved_into_a_namespace_of_others(shop: Shop) -> None:
    client = signed_in("maria", admin_in=[NAMESPACE])
    quota = {"namespace": NAMESPACE, "tenant": OWN, "max_actions": 5, "window": "daily", "overage": "warn"}
    found = errors_of(client.post(reverse("admin:rules_app_quota_add"), {**quota, "labels": "{}"}))
    assert "do not cover" in found["namespace"][0]
    client.post(reverse("admin:rules_app_quota_add"), {**quota, "tenant": TENANT, "labels": "{}"})
    assert list(Quota.objects.values_list("tenant", flat=True)) == [TENANT]


def test_rules_for_everyone_are_read_and_not_changed_and_no_rule_is_tried_for_others(shop: Shop) -> None:
    client = signed_in("maria", admin_in=[NAMESPACE])
    shared = Rule.objects.filter(namespace="*").first()
    assert shared is not None
    page = client.get(reverse("admin:rules_app_rule_change", args=[shared.pk]))
    assert page.status_code == 200
    assert not page.context["has_change_permission"]
    stage = reverse("admin:rules_app_rule_stage", args=[shared.pk])
    assert client.post(stage, {"to": "shadow", "reason": "x"}).status_code == 403
    client.post(
        reverse("admin:rules_app_rule_changelist"),
        {"action": "disable_rules", "_selected_action": [shared.pk]},
    )
    shared.refresh_from_db()
    assert shared.enabled
    asked = {"namespace": NAMESPACE, "tenant": OWN, "provider": "p", "action_type": "t", "payload": "{x: 1}"}
    tried = client.post(reverse("admin:rules_app_rule_try_rules"), asked)
    assert "do not cover" in tried.content.decode()


def test_a_token_has_the_roles_of_its_person(shop: Shop) -> None:
    mine = everything_of(shop)
    user = User.objects.create_user("maria", password="a long enough password", is_staff=True)
    groups_ensure()
    user.groups.set(Group.objects.filter(name="administrator"))
    where = {"viewer_in": [NAMESPACE], "operator_in": [], "admin_in": ["elsewhere"], "tenants": ["*"]}
    person_roles_set(user=user, **where)  # type: ignore[arg-type]
    fields = {"username": "maria", "password": "a long enough password"}
    token = Client().post("/v1/auth/login", fields, content_type="application/json").json()["token"]
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.get(f"/v1/quotas/{mine['quota']}").status_code == 200
    assert client.delete(f"/v1/quotas/{mine['quota']}").status_code == 404
    elsewhere = {"namespace": "elsewhere", "tenant": "x", "max_actions": 5, "window": "daily"}
    body = {**elsewhere, "overage_behavior": "warn"}
    assert client.post("/v1/quotas", body, content_type="application/json").status_code == 201
    body["namespace"] = NAMESPACE
    assert client.post("/v1/quotas", body, content_type="application/json").status_code == 403
    assert client.get("/v1/providers/health").status_code in (403, 404)
    assert client.get("/metrics").status_code == 403


def test_roles_are_given_on_the_person_s_page(shop: Shop) -> None:
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    user = User.objects.create_user("maria", is_staff=True)
    url = reverse("admin:auth_user_change", args=[user.pk])
    fields = {"username": "maria", "is_active": "on", "is_staff": "on", "limited": "on", "tenants": "*"}
    assert "Name a namespace" in errors_of(boss.post(url, fields))["viewer_in"][0]
    assert told(boss.post(url, {**fields, "viewer_in": "shop-a, shop-b", "admin_in": "shop-c"}))
    row = User.objects.get(pk=user.pk).person_roles
    assert (row.viewer_in, row.operator_in, row.admin_in) == (["shop-a", "shop-b"], [], ["shop-c"])
    assert "shop-a, shop-b" in boss.get(url).content.decode()
    boss.post(url, {key: value for key, value in fields.items() if key != "limited"})
    assert not hasattr(User.objects.get(pk=user.pk), "person_roles")


def test_the_trail_of_no_tenant_is_for_who_reaches_everywhere(shop: Shop) -> None:
    AuditRecord.objects.create(
        action_id=CANARY, namespace="", tenant="", outcome="breaker_opened", verdict=""
    )
    one = signed_in("one", admin_in=[NAMESPACE])
    every = signed_in("every", tenant="*", viewer_in=["*"])
    page = reverse("admin:audit_app_auditrecord_changelist")
    assert CANARY not in one.get(page).content.decode()
    assert CANARY in every.get(page).content.decode()
    assert Role.ADMIN > Role.VIEWER
