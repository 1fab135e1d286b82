"""Counters on their way into force: through drafts, commands, files, pages and the API."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from acteon_site.base.errors import AppError
from acteon_site.config_files.load import load_paths
from rules_app.models import RuleCounter, RuleDraft, RuleSetVersion
from rules_app.selectors import newest_content
from tests.contract.client import Strict
from tests.contract.strict import anything
from tests.rules_app.conftest import rules_now
from tests.rules_app.test_admin_rules import errors_of, manager
from tests.world import Shop, order, publish_rules

DECLARED = {
    "name": "orders-of-email",
    "count": "orders",
    "by": ["action.payload.customer_email"],
    "window": "24h",
}
ASKING = {
    "name": "one-a-day",
    "priority": 0,
    "condition": {"field": "counter.orders-of-email", "gte": 1},
    "action": {"type": "deny"},
}
FILE = f"counters: [{json.dumps(DECLARED)}]\nrules: [{json.dumps(ASKING)}]\n"


def test_a_draft_brings_a_counter_and_its_rule_at_once_and_a_restore_knows_both(shop: Shop) -> None:
    ann = Strict(Shop(name="ann").secret)
    draft = (
        f"/v1/rules/drafts/{ann.post('/v1/rules/drafts', anything, {'name': 'limits'}, status=201)['number']}"
    )
    ann.put(f"{draft}/rules/one-a-day", anything, {"spec": ASKING, "revision": None})
    refused = ann.post(f"{draft}/publish", anything, {"reason": "because"}, status=422)
    assert "unknown counter 'orders-of-email'" in refused["message"]
    path = f"{draft}/counters/orders-of-email"
    wrong = {**DECLARED, "window": "daily"}
    assert (
        ann.put(path, anything, {"spec": wrong, "revision": None}, status=422)["details"][0]["field"]
        == "window"
    )
    made = ann.put(path, anything, {"spec": {**DECLARED, "per": "tenant"}, "revision": None})
    assert made["spec"] == DECLARED
    assert ann.get(path, anything)["live"] is None
    changes = ann.get(draft, anything)["changes"]
    words = "counter: orders with the same customer email in 1 day"
    assert [change["words"] for change in changes if change["rule"] == " counter orders-of-email"] == [
        [words]
    ]
    version = ann.post(f"{draft}/publish", anything, {"reason": "because"})["number"]
    rules = ann.get(f"/v1/rules/versions/{version}", anything)
    assert rules["counters"][0].items() >= DECLARED.items()
    assert rules["counters"][0]["since"]
    # Back, where no rule asks it, and forth: then it begins anew.
    before = (
        RuleSetVersion.objects.filter(number__lt=version)
        .order_by("-number")
        .values_list("number", flat=True)[0]
    )
    ann.post(f"/v1/rules/versions/{before}/restore", anything, {"reason": "back"})
    assert "since" not in newest_content()["counters"][0]
    ann.post(f"/v1/rules/versions/{version}/restore", anything, {"reason": "forth"})
    assert newest_content()["counters"][0]["since"] > rules["counters"][0]["since"]
    assert rules_now().rules[0].name == "one-a-day"


def test_an_evaluation_tells_what_the_counter_says(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "limits.yaml").write_text(FILE)
    load_paths([tmp_path / "limits.yaml"], actor="tests", source="limits")
    action = order()
    shop.dispatch(order())
    of_one = Shop(name="of-a-tenant", namespaces=["ecommerce"], tenants=["acme-store"])
    for client in (shop, of_one):
        line = client.post("/v1/rules/evaluate", action).json()["trace"][0]
        assert (line["result"], line["counters"]) == ("matched", {"orders-of-email": 1})
    # What other tenants have ordered is told to whom all are open.
    RuleCounter.objects.update(declaration={**RuleCounter.objects.get().declaration, "per": "everywhere"})
    publish_rules()
    told = [client.post("/v1/rules/evaluate", action).json()["trace"][0] for client in (shop, of_one)]
    assert [line.get("counters") for line in told] == [{"orders-of-email": 0}, None]


def test_a_load_refuses_a_rule_whose_counter_is_declared_nowhere(db: None, tmp_path: Path) -> None:
    slip = FILE.replace('"name": "orders-of-email"', '"name": "orders-of-mail"')
    (tmp_path / "limits.yaml").write_text(slip)
    with pytest.raises(AppError) as refused:
        load_paths([tmp_path], actor="tests")
    told = str(refused.value) + str([problem.message for problem in refused.value.details])
    assert "did you mean 'counter.orders-of-mail'?" in told
    assert not RuleCounter.objects.exists()


def test_a_counter_that_a_rule_asks_cannot_be_deleted_and_its_page_says_who_asks(
    shop: Shop, tmp_path: Path
) -> None:
    (tmp_path / "limits.yaml").write_text(FILE)
    load_paths([tmp_path / "limits.yaml"], actor="tests", source="limits")
    client, row = manager(), RuleCounter.objects.get()
    for name, args in (("changelist", ()), ("change", (row.pk,))):
        page = client.get(reverse(f"admin:rules_app_rulecounter_{name}", args=args)).content.decode()
        assert "orders with the same customer email in 1 day" in page
        assert "one-a-day" in page
        assert "limits" in page
    client.post(reverse("admin:rules_app_rulecounter_delete", args=[row.pk]), {"post": "yes"})
    assert RuleCounter.objects.exists()
    builder = client.get(reverse("admin:rules_app_rule_builder")).json()
    (offered,) = [field for field in builder["fields"] if field["source"] == "counter"]
    assert (offered["path"], offered["label"]) == ("counter.orders-of-email", "orders of email")
    typed = {
        "condition": json.dumps({"field": "counter.orders-of-mail", "gte": 1}),
        "action": '{"type": "deny"}',
    }
    judged = client.post(reverse("admin:rules_app_rule_builder"), typed).json()
    assert "did you mean 'counter.orders-of-email'?" in judged["problems"][0]["message"]


def test_a_counter_typed_by_a_manager_is_checked_and_published(shop: Shop) -> None:
    client = manager()
    form: dict[str, Any] = {
        "name": "n",
        "description": "",
        "declaration": "count: orders\nwindow: 1d",
        "reason": "x",
        "save_to": "publish",
    }
    wrong = client.post(reverse("admin:rules_app_rulecounter_add"), {**form, "declaration": "count: orders"})
    assert "window: is missing" in errors_of(wrong)["declaration"][0]
    assert client.post(reverse("admin:rules_app_rulecounter_add"), form).status_code == 302
    assert RuleCounter.objects.get().edited_by == "ann"
    newest = RuleSetVersion.objects.order_by("-number")[0]
    assert (newest.cause, newest.reason) == ("made counter n", "x")


def test_a_manager_who_may_not_publish_saves_a_counter_to_a_draft_and_changes_it_there(shop: Shop) -> None:
    client = manager("view_rule", "change_rule", "view_rulecounter")
    form = {"name": "n", "description": "", "declaration": "count: orders\nwindow: 1d", "reason": "x"}
    refused = client.post(reverse("admin:rules_app_rulecounter_add"), {**form, "save_to": "publish"})
    assert "save_to" in errors_of(refused)
    saved = client.post(reverse("admin:rules_app_rulecounter_add"), {**form, "save_to": "new"})
    draft = RuleDraft.objects.get()
    assert saved.url == reverse("admin:rules_app_ruledraft_change", args=[draft.pk])
    assert not RuleCounter.objects.exists()
    page = f"{reverse('admin:rules_app_ruledraft_counter', args=[draft.pk])}?name=n"
    shown = client.get(page)
    assert page.encode() in client.get(saved.url).content
    seen = shown.context["seen"]
    wider = {"declaration": "count: orders\nwindow: 2d", "description": ""}
    assert client.post(page, {**wider, "seen": seen}).status_code == 302
    assert draft.changes.get().spec == {"name": "n", "count": "orders", "window": "2d"}
    clash = client.post(page, {**wider, "declaration": "count: orders\nwindow: 3d", "seen": seen})
    assert clash.status_code == 409
    client.post(
        reverse("admin:rules_app_ruledraft_remove", args=[draft.pk]),
        {"rule": " counter n", "seen": client.get(page).context["seen"]},
    )
    assert not draft.changes.exists()


def test_who_saves_a_counter_over_a_colleagues_sees_both_sides(shop: Shop) -> None:
    client = manager()
    form = {"description": "", "reason": "x", "save_to": "publish"}
    client.post(
        reverse("admin:rules_app_rulecounter_add"),
        {**form, "name": "n", "declaration": "count: orders\nwindow: 1d"},
    )
    page = reverse("admin:rules_app_rulecounter_change", args=[RuleCounter.objects.get().pk])
    seen = client.get(page).context["adminform"].form["seen"].value()
    for window, status in (("2d", 302), ("3d", 409)):
        typed = {**form, "declaration": f"count: orders\nwindow: {window}", "seen": seen}
        assert client.post(page, typed).status_code == status
    assert RuleCounter.objects.get().declaration["window"] == "2d"


def test_a_shell_puts_counters_into_a_draft(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "limits.yaml").write_text(FILE)
    out = StringIO()
    call_command("rules", "draft", "--name", "limits", "--put", str(tmp_path / "limits.yaml"), stdout=out)
    assert "counter orders-of-email added" in out.getvalue()
    call_command("rules", "publish", str(RuleDraft.objects.get().pk), "--reason", "limits", stdout=out)
    assert RuleCounter.objects.get().declaration["window"] == "24h"
