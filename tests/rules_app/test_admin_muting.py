"""The pages of silences and time intervals: previewed, made and ended by operators, edited by rule editors."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from acteon_site.base.source import Source
from audit_app.models import AuditRecord
from rules_app.models import Rule, RuleSettings, Silence, TimeInterval
from rules_app.services.silences import silence_create
from rules_app.services.time_intervals import interval_create
from tests.people import People
from tests.world import SCOPE, Shop, order

pytestmark = pytest.mark.django_db
SOURCE = Source("maria", "admin", "")
SPEC: dict[str, Any] = {
    **SCOPE,
    "matchers": [{"name": "campaign", "value": "spring"}],
    "comment": "wrong sender",
    "duration_seconds": 3600,
}
LIST, ADD = "admin:rules_app_silence_changelist", "admin:rules_app_silence_add"
ROWS = {"matchers-TOTAL_FORMS": "6", "matchers-INITIAL_FORMS": "0"}


def text_of(client: Client, address: str, **posted: Any) -> str:
    answer = client.post(address, posted, follow=True) if posted else client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def form(**changes: Any) -> dict[str, Any]:
    row = {"matchers-0-name": "campaign", "matchers-0-op": "regex", "matchers-0-value": "spring.*"}
    return {**ROWS, **row, **SCOPE, "duration": "3600", "comment": "wrong sender", **changes}


def test_an_operator_sees_what_it_would_meet_makes_it_lengthens_it_and_ends_it(
    shop: Shop, people: People
) -> None:
    for campaign in ("spring-1", "spring-2", "autumn"):
        shop.dispatch(order(metadata={"campaign": campaign}))
    client = people.client("operator", name="olga")
    preview = text_of(client, reverse(ADD), preview="1", **form())
    assert "<b>2</b> of the last 3 actions" in preview
    assert not Silence.objects.exists()
    for wrong, told in (
        ({"matchers-0-value": ".*"}, "an empty value does not match"),
        ({"duration": ""}, "duration_seconds in its place"),
        ({"comment": ""}, "say why"),
        ({"tenant": "*"}, "one by its name"),
    ):
        assert told in text_of(client, reverse(ADD), make="1", **form(**wrong))
    assert not Silence.objects.exists()
    page = text_of(client, reverse(ADD), make="1", **form())
    silence = Silence.objects.get()
    assert (silence.created_by, silence.matchers[0]["op"]) == ("olga", "regex")
    assert "2 of the last 3 actions" in page
    address = reverse("admin:rules_app_silence_edit", args=[silence.pk])
    later = f"{timezone.now().year + 1}-01-01T00:00:00Z"
    if (timezone.now().month, timezone.now().day) == (1, 1):
        later = f"{timezone.now().year}-06-01T00:00:00Z"
    assert "The silence ends at" in text_of(client, address, ends_at=later, comment="longer")
    assert "Nothing was changed: ends_at" in text_of(client, address, ends_at="tomorrow")
    assert "active" in text_of(client, reverse(LIST) + "?state=active")
    assert "The silence has ended" in text_of(
        client, reverse("admin:rules_app_silence_end", args=[silence.pk]), do="1"
    )
    assert "longer" not in text_of(client, reverse(LIST) + "?state=active")
    assert "longer" in text_of(client, reverse(LIST) + "?state=expired")
    changes = AuditRecord.objects.filter(action_type="silence").order_by("id")
    assert [one.outcome_details["change"] for one in changes] == ["made", "changed", "ended"]


def test_others_look_and_press_nothing(people: People) -> None:
    silence = silence_create(spec=SPEC, source=SOURCE)
    client = people.client("viewer")
    assert "wrong sender" in text_of(client, reverse(LIST))
    page = text_of(client, reverse("admin:rules_app_silence_change", args=[silence.pk]))
    assert "End now" not in page
    assert client.get(reverse(ADD)).status_code == 403
    end = reverse("admin:rules_app_silence_end", args=[silence.pk])
    assert client.post(end, {"do": "1"}).status_code == 403
    assert client.get(reverse("admin:rules_app_timeinterval_add")).status_code == 403


def test_a_rule_editor_makes_an_interval_reads_it_in_words_and_names_it_in_a_rule(
    shop: Shop, people: People
) -> None:
    client = people.client("rule editor", name="maria")
    add = reverse("admin:rules_app_timeinterval_add")
    typed = "time_ranges:\n  - weekdays: [monday:friday]\n    times: [{start: '22:00', end: '24:00'}]\n"
    facts = {"name": "nights", "namespace": "*", "tenant": "*", "location": "Europe/Berlin", "ranges": typed}
    for wrong, told in (
        ({"ranges": typed.replace("24:00", "06:00")}, "22:00 to 24:00 and 00:00 to 06:00"),
        ({"ranges": "weekdays: [1]"}, "is missing"),
        ({"location": "Berlin"}, "unknown time zone"),
    ):
        assert told in text_of(client, add, **{**facts, **wrong})
    assert client.post(add, facts).status_code == 302
    row = TimeInterval.objects.get()
    page = reverse("admin:rules_app_timeinterval_change", args=[row.pk])
    shown = text_of(client, page)
    assert "Monday to Friday, 22:00 to 24:00 (Europe/Berlin)" in shown
    assert "in Europe/Berlin" in shown
    again = {"description": "No mail while people sleep", "location": "Europe/Berlin", "ranges": typed}
    assert client.post(page, again).status_code == 302
    assert "No mail while people sleep" in text_of(client, reverse("admin:rules_app_timeinterval_changelist"))
    rule = {
        "name": "newsletters",
        "priority": "2",
        "enabled": "on",
        "condition": "field: action.action_type\neq: send_mail",
        "action": "type: allow",
        "namespace": "*",
        "tenant": "*",
        "only_unmatched": "unknown",
        "mute_time_intervals": "nights",
        "save_to": "publish",
        "reason": "people sleep",
    }
    assert client.post(reverse("admin:rules_app_rule_add"), rule).status_code == 302
    made = Rule.objects.get(name="newsletters")
    assert made.mute_time_intervals == ["nights"]
    assert "sends nothing in nights" in text_of(
        client, reverse("admin:rules_app_rule_change", args=[made.pk])
    )
    assert "newsletters" in text_of(client, page)
    delete = reverse("admin:rules_app_timeinterval_delete", args=[row.pk])
    assert "is named by rule newsletters" in text_of(client, delete, post="yes")
    assert TimeInterval.objects.exists()


def test_what_may_be_muted_is_set_with_the_rules_settings(shop: Shop, people: People) -> None:
    client = people.client()
    RuleSettings.objects.get_or_create(pk=1)
    page = reverse("admin:rules_app_rulesettings_change", args=[1])
    zone = RuleSettings.objects.get().default_timezone
    assert "orders would be lost" in text_of(
        client, page, default_timezone=zone, mutables="muting:\n  - {action_type: '*'}"
    )
    typed = "muting:\n  - {action_type: send_invoice, may: false}\n"
    assert client.post(page, {"default_timezone": zone, "mutables": typed}).status_code == 302
    assert RuleSettings.objects.get().muting == [{"action_type": "send_invoice", "may": False}]
    assert "send_invoice" in text_of(client, page)


def test_the_lists_cost_the_same_however_long_they_are(
    people: People, django_assert_max_num_queries: Any
) -> None:
    client = people.client()
    for number in range(12):
        silence_create(spec=SPEC, source=SOURCE)
        spec = {"name": f"i{number}", "time_ranges": [{"months": [number + 1]}]}
        TimeInterval.objects.create(**spec)
    interval_create(spec={"name": "more", "time_ranges": [{}]}, source=SOURCE)
    for page in (LIST, "admin:rules_app_timeinterval_changelist"):
        client.get(reverse(page))
        with django_assert_max_num_queries(40):
            assert client.get(reverse(page)).status_code == 200
