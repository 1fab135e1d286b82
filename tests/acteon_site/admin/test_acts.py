"""What did this person do: the trail and everything else as one list, with address and agent, page by page."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from acteon_site.access.roles import person_roles_set
from acteon_site.admin import acts_page
from acteon_site.base.source import Source
from acteon_site.models import PersonAct
from audit_app.models import AuditRecord, LegalHold
from audit_app.services.relay import relay
from audit_app.services.verify import audit_verify
from orders_app.models import Order
from rules_app.services.silences import silence_create
from tests.people import People, always_open, held
from tests.world import NAMESPACE, TENANT, Shop, order

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough password"


def acts(client: Client, user: User, **query: str) -> Any:
    answer = client.get(reverse("admin:auth_user_acts", args=[user.pk]), query)
    assert answer.status_code == 200
    return answer.context


def test_what_is_done_by_page_and_by_api_stands_with_address_and_agent_behind_the_named_proxies_only(
    shop: Shop, people: People, settings: Any
) -> None:
    always_open()
    hold = held(shop)
    boss = people.client()
    at = {
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_X_FORWARDED_FOR": "203.0.113.9",
        "HTTP_USER_AGENT": "Firefox/1\n x",
    }
    boss.post(reverse("admin:orders_app_approval_reject", args=[hold.pk]), **at)
    row = AuditRecord.objects.get(outcome="approval_rejected")
    assert (row.caller_id, row.caller_address, row.caller_agent) == ("boss", "192.0.2.7", "Firefox/1 x")
    user = User.objects.get(username="boss")
    user.set_password(PASSWORD)
    user.save()
    fields = {"username": "boss", "password": PASSWORD}
    token = Client().post("/v1/auth/login", fields, content_type="application/json").json()["token"]
    by_api = Client(headers={"Authorization": f"Bearer {token}"}, REMOTE_ADDR="192.0.2.8")
    assert by_api.post("/v1/dispatch", order(id="by-api"), content_type="application/json").status_code == 200
    scope = {"namespace": NAMESPACE, "tenant": TENANT}
    assert by_api.post("/v1/retention", scope, content_type="application/json").status_code == 201
    shop.dispatch(order(id="by-key"))
    assert AuditRecord.objects.filter(caller_address="192.0.2.8", action_id="by-api").exists()
    assert not AuditRecord.objects.filter(caller_id__startswith="key:").exclude(caller_address="").exists()
    boss.force_login(user)
    told = acts(boss, user)["acts"]
    assert {"approval rejected", "changed by API", "signed in"} <= {act.what for act in told}
    assert [act.words for act in told if act.what == "changed by API"] == ["POST /v1/retention"]
    assert all(act.address for act in told)
    assert [act.at for act in told] == sorted((act.at for act in told), reverse=True)


def test_address_and_agent_are_sealed_and_older_rows_verify_as_they_did(shop: Shop, people: People) -> None:
    hold = held(shop)
    people.client().post(reverse("admin:orders_app_approval_reject", args=[hold.pk]))
    relay()
    found = audit_verify(namespace=NAMESPACE, tenant=TENANT)
    assert found.valid, found
    AuditRecord.objects.filter(outcome="approval_rejected").update(caller_address="198.51.100.9")
    assert not audit_verify(namespace=NAMESPACE, tenant=TENANT).valid
    AuditRecord.objects.filter(outcome="approval_rejected").update(caller_address="")
    assert not audit_verify(namespace=NAMESPACE, tenant=TENANT).valid


def test_pages_follow_one_another_without_a_gap_or_a_double_and_times_narrow_them(people: People) -> None:
    boss = people.client()
    user, begin = User.objects.get(), datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(120):
        at = begin + timedelta(minutes=number // 2)  # two at each moment, one of each source
        if number % 2:
            PersonAct.objects.create(username="boss", at=at, what=f"act {number}")
        else:
            facts = {
                "caller_id": "boss",
                "auth_method": "admin",
                "namespace": "n",
                "tenant": "t",
                "verdict": "",
            }
            AuditRecord.objects.create(
                action_id=f"a{number}", outcome=f"act_{number}", dispatched_at=at, **facts
            )
    seen: list[str] = []
    page = acts(boss, user)
    while True:
        seen += [act.what for act in page["acts"]]
        if not page["next"]:
            break
        query = dict(part.split("=") for part in page["next"].removeprefix("?").split("&"))
        page = acts(
            boss, user, after=query["after"].replace("%3A", ":").replace("%2B", "+").replace("%7E", "~")
        )
    assert len(seen) == len(set(seen)) == 120
    few = acts(boss, user, **{"from": "2026-01-01T00:10", "until": "2026-01-01T00:12"})["acts"]
    assert sorted(act.what for act in few) == ["act 20", "act 21", "act 22", "act 23"]
    assert acts(boss, user, **{"from": "rubbish", "after": "rubbish~1"})["acts"]


def test_edits_of_configuration_people_and_groups_are_noted_with_their_tenant(
    shop: Shop, people: People
) -> None:
    boss = people.client()
    quota = {"namespace": NAMESPACE, "tenant": TENANT, "max_actions": 5, "window": "daily", "overage": "warn"}
    boss.post(reverse("admin:rules_app_quota_add"), {**quota, "labels": "{}"})
    group = Group.objects.get(name="viewer")
    fields = {
        "name": "viewer",
        "two_steps": "on",
        "permissions": list(group.permissions.values_list("pk", flat=True)),
    }
    boss.post(reverse("admin:auth_group_change", args=[group.pk]), fields)
    told = {act.what: act for act in PersonAct.objects.all()}
    assert (told["added quota"].namespace, told["added quota"].tenant) == (NAMESPACE, TENANT)
    assert told["changed the sign-in"].words == "two steps required"
    assert group.security.two_steps  # type: ignore[attr-defined]


def test_who_is_limited_reads_of_others_what_his_namespaces_hold(shop: Shop, people: People) -> None:
    held(shop)
    client = people.client("administrator")
    user = User.objects.get(username="administrator")
    other = {"viewer_in": ["elsewhere"], "operator_in": [], "admin_in": [], "tenants": ["*"]}
    person_roles_set(user=user, **other)  # type: ignore[arg-type]
    assert client.get(reverse("admin:auth_user_acts", args=[user.pk])).status_code == 404
    assert Order.objects.exists()


def test_all_of_it_is_a_file_too_page_by_page_and_taking_it_is_an_act(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts_page, "PER_PAGE", 2)
    boss = people.client()
    user = User.objects.get(username="boss")
    for number in range(5):
        PersonAct.objects.create(username="boss", what=f"act {number}", words="=1+1")
    PersonAct.objects.create(username="somebody else", what="act of another")
    url = reverse("admin:auth_user_acts", args=[user.pk])

    def file(**query: str) -> list[str]:
        answer: Any = boss.get(url, query)
        assert "attachment" in answer.headers["Content-Disposition"]
        return b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()

    found = [json.loads(line) for line in file(format="jsonl")]
    expected = [f"act {number}" for number in reversed(range(5))]
    assert [one["what"] for one in found if one["what"].startswith("act ")] == expected
    head, *lines = file(format="csv", **{"from": "2026-01-01T00:00"})
    assert head.startswith("at,what,about,shop,address,agent")
    assert sum(",'=1+1," in line for line in lines) == 5, "no spreadsheet calculates it"
    assert PersonAct.objects.filter(username="boss", what="exported acts").count() == 2
    assert boss.get(url, {"format": "pdf"}).status_code == 400


def test_a_legal_hold_is_told_once_in_words_when_it_is_placed_and_when_it_is_lifted(people: People) -> None:
    boss = people.client()
    user = User.objects.get(username="boss")
    fields = {"namespace": NAMESPACE, "tenant": TENANT, "order_name": "", "reason": "case 4711"}
    boss.post(reverse("admin:audit_app_legalhold_add"), fields)
    boss.post(reverse("admin:audit_app_legalhold_add"), {**fields, "order_name": "ORD-7"})
    boss.post(reverse("admin:audit_app_legalhold_add"), {**fields, "tenant": "*"})
    hold = LegalHold.objects.get(order_name="ORD-7")
    boss.post(reverse("admin:audit_app_legalhold_lift", args=[hold.pk]), {"reason": "closed"})
    told = [(act.what, act.words, act.where) for act in acts(boss, user)["acts"] if "signed" not in act.what]
    assert told == [
        ("lifted a legal hold", "order ORD-7", f"{TENANT} / {NAMESPACE}"),
        ("placed a legal hold", "everything", f"* / {NAMESPACE}"),
        ("placed a legal hold", "order ORD-7", f"{TENANT} / {NAMESPACE}"),
        ("placed a legal hold", "everything", f"{TENANT} / {NAMESPACE}"),
    ]
    assert AuditRecord.objects.filter(action_type="legal_hold").count() == 4


def test_configuration_that_the_trail_tells_too_stands_once_among_what_a_person_did(people: People) -> None:
    boss = people.client()
    user = User.objects.get(username="boss")
    scope = {"namespace": NAMESPACE, "tenant": TENANT}
    ranges = "time_ranges:\n  - weekdays: [monday:friday]\n"
    interval = {"name": "nights", "namespace": "*", "tenant": "*", "location": "UTC", "ranges": ranges}
    assert boss.post(reverse("admin:rules_app_timeinterval_add"), interval).status_code == 302
    terms = {**scope, "enabled": "on", "labels": "{}", "audit_ttl_seconds": "86400"}
    assert boss.post(reverse("admin:audit_app_retentionpolicy_add"), terms).status_code == 302
    matcher = [{"name": "campaign", "value": "spring"}]
    spec = {**scope, "matchers": matcher, "comment": "wrong sender", "duration_seconds": 3600}
    silence = silence_create(spec=spec, source=Source("boss", "admin", "another request"))
    assert boss.post(reverse("admin:rules_app_silence_end", args=[silence.pk])).status_code == 302
    told = [(act.what, act.words) for act in acts(boss, user)["acts"] if "signed" not in act.what]
    assert told == [
        ("state changed", f"silence {silence.pk}"),  # of what these buttons do, the trail alone tells
        ("state changed", f"silence {silence.pk}"),
        ("added retention policy", f"{NAMESPACE}/{TENANT}"),
        ("added time interval", "nights"),
    ]
    assert AuditRecord.objects.filter(outcome="state_changed").count() == 4


def test_a_browser_is_named_in_a_few_words_and_as_it_calls_itself_where_one_points(people: People) -> None:
    boss, said = (
        people.client(),
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36",
    )
    user = User.objects.get(username="boss")
    PersonAct.objects.create(username="boss", what="signed in", agent=said)
    page = boss.get(reverse("admin:auth_user_acts", args=[user.pk])).content.decode()
    assert f'title="{said}">Chrome 126 on Linux</td>' in page
