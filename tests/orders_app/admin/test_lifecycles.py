"""Lifecycles as people edit them: checked as a load checks them, in force as they are saved."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from acteon_site.base import config_versions
from acteon_site.models import ConfigStamp
from orders_app.models import Lifecycle
from orders_app.selectors import lifecycle_for
from tests.people import People, errors_of, page_of
from tests.world import Shop

ADD, LIST = "admin:orders_app_lifecycle_add", "admin:orders_app_lifecycle_changelist"
pytestmark = pytest.mark.django_db


def form(**changes: Any) -> dict[str, Any]:
    fields = {
        "name": "returns",
        "enabled": "on",
        "action_type": "return_order",
        "namespace": "ecommerce",
        "tenant": "*",
        "initial": "requested",
        "states": '["requested", "received", "refunded"]',
        "transitions": '[{"from": "requested", "to": "received"}, {"from": "received", "to": "refunded"}]',
        "terminal": '["refunded"]',
        "timeouts": "",
        "fingerprint_field": "return_id",
        "fields": "",
    }
    return fields | changes


def add(client: Client, **changes: Any) -> Any:
    return client.post(reverse(ADD), form(**changes))


def test_what_is_saved_decides_the_next_order_and_names_its_author(people: People) -> None:
    assert add(people.client(name="maria")).status_code == 302
    row = Lifecycle.objects.get()
    assert (row.edited_by, row.fields, row.timeouts) == ("maria", {}, [])
    assert ConfigStamp.objects.get(area=config_versions.LIFECYCLES).version == 1
    config_versions.expire()
    known = lifecycle_for("ecommerce", "any-store", "return_order")
    assert known is not None
    assert known.spec.states == ("requested", "received", "refunded")


def test_yaml_as_in_the_files_is_understood(people: People) -> None:
    typed = {
        "states": "- requested\n- received\n- refunded",
        "transitions": "- {from: requested, to: received}\n- from: received\n  to: refunded",
        "terminal": "[refunded]",
        "timeouts": "- {state: received, after_seconds: 60, to: refunded}",
        "fields": "total_cents: {type: integer, required: true, min: 0}",
    }
    assert add(people.client(), **typed).status_code == 302
    row = Lifecycle.objects.get()
    assert row.transitions[1] == {"from": "received", "to": "refunded"}
    assert row.timeouts == [{"state": "received", "after_seconds": 60, "to": "refunded"}]
    assert row.fields["total_cents"]["type"] == "integer"


MISTAKES: list[tuple[dict[str, str], str, str]] = [
    ({"initial": "requestd"}, "initial", "did you mean 'requested'?"),
    ({"states": ""}, "states", "required"),
    ({"states": "requested"}, "states", "must be a list"),
    ({"states": '{"a": 1}'}, "states", "must be a list"),
    ({"states": "- requested\n- [unfinished"}, "states", "line 2"),
    ({"states": '["requested", "received", "refunded", "lost"]'}, "states", "'lost' cannot be reached"),
    ({"states": '["requested", "received", "refunded", "refunded"]'}, "states", "twice"),
    ({"transitions": '[{"from": "requested", "to": "recieved"}]'}, "transitions", "transitions[0].to"),
    ({"transitions": '[{"from": "requested", "too": "received"}]'}, "transitions", "did you mean 'to'?"),
    ({"terminal": '["received", "refunded"]'}, "transitions", "must not be left"),
    ({"terminal": "- nowhere"}, "terminal", "names no state"),
    ({"timeouts": '[{"state": "received", "after_seconds": 0, "to": "refunded"}]'}, "timeouts", "at least 1"),
    (
        {"timeouts": '[{"state": "requested", "after_seconds": 5, "to": "refunded"}]'},
        "timeouts",
        "is no transition",
    ),
    ({"fields": "total_cents: {type: money}"}, "fields", "fields.total_cents.type"),
    ({"fields": 'country: {type: text, pattern: "["}'}, "fields", "regular expression"),
    ({"fields": "a: &x {type: text}"}, "fields", "anchors"),
    ({"action_type": ""}, "action_type", "required"),
]


@pytest.mark.parametrize(("changes", "field", "words"), MISTAKES)
def test_a_mistake_is_told_on_its_field_and_nothing_is_saved(
    people: People, changes: dict[str, str], field: str, words: str
) -> None:
    errors = errors_of(add(people.client(), **changes))
    assert words in " ".join(errors[field]), errors
    assert set(errors) == {field}
    assert not Lifecycle.objects.exists()


def test_two_lifecycles_never_claim_the_same_actions(people: People) -> None:
    client = people.client()
    add(client)
    errors = errors_of(add(client, name="more-returns"))
    assert 'the same actions as lifecycle "returns"' in errors["action_type"][0]
    assert add(client, name="more-returns", enabled="").status_code == 302


def test_a_loaded_lifecycle_is_shown_as_it_can_be_saved_again(shop: Shop, people: People) -> None:
    row, client = Lifecycle.objects.get(), people.client(name="maria")
    path = reverse("admin:orders_app_lifecycle_change", args=[row.pk])
    answer = client.get(path)
    assert "<svg" in answer.content.decode()
    shown = answer.context["adminform"].form
    data = {name: shown[name].value() for name in shown.fields}
    typed = {name: field.prepare_value(data[name]) for name, field in shown.fields.items()} | {
        "enabled": "on"
    }
    assert client.post(path, typed).status_code == 302
    after = Lifecycle.objects.get()
    assert (after.states, after.transitions, after.fields) == (row.states, row.transitions, row.fields)
    assert (after.name, after.edited_by, after.source) == (row.name, "maria", row.source)


def test_a_lifecycle_with_orders_stays(shop: Shop, people: People) -> None:
    shop.place()
    row, client = Lifecycle.objects.get(), people.client()
    path = reverse("admin:orders_app_lifecycle_delete", args=[row.pk])
    answer = client.post(path, {"post": "yes"}, follow=True)
    assert "orders were placed under it" in answer.content.decode()
    assert Lifecycle.objects.exists()


def test_an_unused_lifecycle_can_be_deleted(people: People) -> None:
    client = people.client()
    add(client)
    path = reverse("admin:orders_app_lifecycle_delete", args=[Lifecycle.objects.get().pk])
    assert client.post(path, {"post": "yes"}).status_code == 302
    assert not Lifecycle.objects.exists()
    assert ConfigStamp.objects.get(area=config_versions.LIFECYCLES).version == 2


def test_who_may_only_look_edits_nothing(shop: Shop, people: People) -> None:
    client, row = people.client("operator"), Lifecycle.objects.get()
    assert "placed → confirmed" in page_of(client, "orders_app_lifecycle_changelist")
    assert client.get(reverse(ADD)).status_code == 403
    change = reverse("admin:orders_app_lifecycle_change", args=[row.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, form(states=json.dumps(["x"]))).status_code == 403
    assert Lifecycle.objects.get().states == row.states


def test_its_history_says_what_was_changed_from_what_to_what(people: People) -> None:
    client = people.client(name="maria")
    add(client)
    row = Lifecycle.objects.get()
    changed = form(enabled="", states='["requested", "received", "refunded", "lost"]',
                   transitions='[{"from": "requested", "to": "received"}, {"from": "requested", "to": "lost"},'
                   ' {"from": "received", "to": "refunded"}]')  # fmt: skip
    answer = client.post(reverse("admin:orders_app_lifecycle_change", args=[row.pk]), changed)
    assert answer.status_code == 302, errors_of(answer)
    history = html.unescape(page_of(client, "orders_app_lifecycle_history", row.pk))
    assert "enabled: true → false" in history
    assert (
        'states: ["requested", "received", "refunded"] → ["requested", "received", "refunded", "lost"]'
        in history
    )
    assert "fingerprint field" not in history
