"""A waiting order that comes again: the same answer where it says the same, else a refusal that names the fields."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from audit_app.models import AuditRecord
from orders_app.models import Action, Hold, RememberedAnswer, Template, TemplateProfile
from orders_app.services.template_edits import profile_save, template_save
from rules_app.models import Rule
from tests.world import CLOSED_HOURS, NAMESPACE, OPEN_HOURS, SCOPE, TENANT, Shop, order, publish_rules, tag

BIG: dict[str, Any] = {"order_id": "big-1", "total_cents": 60_000}


def big(**changes: Any) -> dict[str, Any]:
    return order(**{**changes, "payload": {**BIG, **changes.get("payload", {})}})


def refused(shop: Shop, action: dict[str, Any], *fields: str, **more: Any) -> dict[str, Any]:
    """The error of an order that differs in just these fields from the one that waits; nothing was written."""
    before = [model.objects.count() for model in (Action, Hold, AuditRecord)]
    answer = shop.dispatch(action, **more)
    error: dict[str, Any] = answer.json()
    assert (answer.status_code, error["code"], error["retryable"]) == (409, "ORDER_DIFFERS", False), error
    assert tuple(problem["field"] for problem in error["details"]) == fields
    assert [model.objects.count() for model in (Action, Hold, AuditRecord)] == before
    return error


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"payload": {"total_cents": 60_001}}, ["payload.total_cents"]),
        ({"payload": {"items": [{"sku": "A-1", "qty": 3}]}}, ["payload.items"]),
        ({"payload": {"gift": True, "note": "x"}}, ["payload.gift", "payload.note"]),
        ({"payload": {"customer_email": None}}, ["payload.customer_email"]),
        ({"provider": "warehouse"}, ["provider"]),
        ({"provider": "warehouse", "payload": {"total_cents": 1}}, ["provider"]),
        ({"metadata": {"express": "yes"}}, ["metadata.express"]),
        ({"attachments": ["voucher"]}, ["attachments"]),
        ({"ends_at": "2030-01-01T00:00:00Z"}, ["ends_at"]),
    ],
)
def test_with_other_content_it_is_refused_with_the_names_of_the_fields(
    shop: Shop, changes: dict[str, Any], fields: list[str]
) -> None:
    assert tag(shop.dispatch(big()).json()) == "PendingApproval"
    error = refused(shop, big(**changes), *fields)
    assert all(field in error["message"] for field in fields)
    assert "60001" not in str(error)
    assert "cancel it" in error["message"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"created_at": "2026-01-01T00:00:00Z", "trace_context": {"id": "2"}, "signature": "other"},
        {"id": None, "dedup_key": None},
        {"fingerprint": "big-1"},
        {"payload": {"shipping_country": " us "}},
        {"payload": {"total_cents": 60_000, "currency": "usd"}},
    ],
)
def test_with_the_same_content_it_has_the_same_answer_whatever_its_attempt_is_named(
    shop: Shop, changes: dict[str, Any]
) -> None:
    first = shop.dispatch(big()).json()
    assert shop.dispatch(big(**changes)).json() == first


def test_the_same_content_is_known_without_reading_the_original(shop: Shop) -> None:
    shop.dispatch(big())
    with CaptureQueriesContext(connection) as queries:
        shop.dispatch(big())
    assert not [query["sql"] for query in queries if 'FROM "orders_app_action"' in query["sql"]]


def test_a_true_is_no_one_but_five_is_five_point_nought(shop: Shop) -> None:
    shop.dispatch(big(payload={"gift": True, "weight": 5}))
    refused(shop, big(payload={"gift": 1, "weight": 5}), "payload.gift")
    assert tag(shop.dispatch(big(payload={"gift": True, "weight": 5.0})).json()) == "PendingApproval"


def test_fields_of_objects_are_named_by_their_path(shop: Shop) -> None:
    shop.dispatch(big(payload={"ship": {"street": "High Street 1", "zip": "1"}}))
    error = refused(
        shop, big(payload={"ship": {"street": "High Street 2", "zip": "1"}}), "payload.ship.street"
    )
    assert "High Street" not in str(error)


def test_a_card_number_that_names_a_field_is_not_shown(shop: Shop) -> None:
    shop.dispatch(big())
    error = shop.dispatch(big(payload={"4111111111111111": "x"})).json()
    assert (error["code"], "4111" in str(error)) == ("ORDER_DIFFERS", False)


def test_many_fields_are_counted_and_not_listed(shop: Shop) -> None:
    shop.dispatch(big())
    error = shop.dispatch(big(payload={f"field-{number:03}": 1 for number in range(100)})).json()
    assert len(error["details"]) == 20
    assert "and 80 more" in error["message"]


def test_rules_are_asked_first_of_what_was_sent_this_time(shop: Shop) -> None:
    first = shop.dispatch(big()).json()
    again = shop.dispatch(big(payload={"shipping_country": "SY"}))
    assert (again.status_code, tag(again.json())) == (200, "Suppressed")
    hold = Hold.objects.get()
    assert hold.status == "pending"
    assert shop.dispatch(big()).json() == first


def test_an_order_that_waits_for_its_time_is_protected_alike(shop: Shop) -> None:
    first = shop.dispatch(order(payload={"order_id": "n-1"}), now=CLOSED_HOURS).json()
    assert shop.dispatch(order(payload={"order_id": "n-1"}), now=CLOSED_HOURS).json() == first
    changed = order(payload={"order_id": "n-1", "billing_zip": "94108"})
    refused(shop, changed, "payload.billing_zip", now=CLOSED_HOURS)


def test_another_order_under_the_same_dedup_key_is_no_repeat(shop: Shop) -> None:
    shop.dispatch(big(dedup_key="k"))
    refused(shop, big(dedup_key="k", payload={"order_id": "big-2"}), "payload.order_id")


def test_what_a_rule_changes_makes_no_difference(shop: Shop) -> None:
    first = shop.dispatch(big()).json()
    condition = {"field": "action.action_type", "eq": "place_order"}
    modify = {"type": "modify", "changes": {"seen": True}}
    Rule.objects.create(name="mark", priority=0, condition=condition, action=modify)
    publish_rules()
    assert shop.dispatch(big()).json() == first


def test_a_hold_of_an_earlier_release_is_compared_by_its_original(shop: Shop) -> None:
    first = shop.dispatch(big()).json()
    Hold.objects.update(context={"caller_id": "c", "auth_method": "api_key", "request_id": "r"})
    assert shop.dispatch(big()).json() == first
    refused(shop, big(payload={"total_cents": 70_000}), "payload.total_cents")


def test_in_a_batch_it_is_the_items_error_and_harms_no_other(shop: Shop) -> None:
    shop.dispatch(big())
    changed, new = big(payload={"total_cents": 70_000}), order()
    items = shop.batch([changed, new, big()]).json()
    assert items[0]["error"]["code"] == "ORDER_DIFFERS"
    assert "payload.total_cents" in items[0]["error"]["message"]
    assert [tag(item) for item in items[1:]] == ["Executed", "PendingApproval"]


def test_two_of_one_batch_that_differ_are_told_apart_too(shop: Shop) -> None:
    items = shop.batch([big(), big(payload={"total_cents": 70_000}), big()]).json()
    assert [tag(item) for item in items] == ["PendingApproval", "error", "PendingApproval"]
    assert Hold.objects.count() == 1


def test_a_thousand_that_differ_cost_as_many_statements_as_two(shop: Shop) -> None:
    def statements(count: int) -> int:
        shop.batch([big(payload={"order_id": f"b-{number}"}) for number in range(count)])
        changed = [big(payload={"order_id": f"b-{number}", "note": "x"}) for number in range(count)]
        with CaptureQueriesContext(connection) as queries:
            assert {tag(item) for item in shop.batch(changed).json()} == {"error"}
        # Each process looks at the configuration's versions twice a second, whatever is asked.
        return sum("acteon_site_configstamp" not in query["sql"] for query in queries)

    statements(1)
    assert statements(30) == statements(2)


def test_a_dry_run_says_the_same(shop: Shop) -> None:
    shop.dispatch(big())
    refused(shop, big(payload={"total_cents": 70_000}), "payload.total_cents", dry_run=True)
    assert shop.dispatch(big(), dry_run=True).json()["DryRun"]["verdict"] == "request_approval"


def test_its_idempotency_key_is_free_for_the_order_as_it_was(shop: Shop) -> None:
    first, key = shop.dispatch(big()).json(), {"HTTP_IDEMPOTENCY_KEY": "k"}
    refused(shop, big(payload={"total_cents": 70_000}), "payload.total_cents", **key)
    assert not RememberedAnswer.objects.exists()
    assert shop.dispatch(big(), **key).json() == first


def test_fields_that_a_profile_renders_are_nobodys_content(shop: Shop) -> None:
    profile = TemplateProfile(**SCOPE, name="mail", fields={"subject": "Order {{ action.id }}"})
    profile_save(profile)
    first = shop.dispatch(big(template="mail")).json()
    assert shop.dispatch(big(template="mail")).json() == first
    profile.fields = {"body": {"$ref": "body"}}
    template_save(Template(namespace=NAMESPACE, tenant=TENANT, name="body", content="Thanks"))
    profile_save(profile)
    config_versions.reset()
    assert shop.dispatch(big(template="mail")).json() == first
    error = shop.dispatch(big(template="mail", payload={"total_cents": 70_000})).json()
    assert "payload.total_cents" in error["message"]
    assert "payload.body" not in error["message"]


def test_cancelled_it_may_be_placed_with_other_content(shop: Shop) -> None:
    shop.dispatch(big())
    assert shop.post("/v1/orders/big-1/cancel", SCOPE).status_code == 200
    assert tag(shop.dispatch(big(payload={"total_cents": 70_000})).json()) == "PendingApproval"


def test_approved_it_is_the_order_that_was_seen(shop: Shop) -> None:
    approval = shop.dispatch(big()).json()["PendingApproval"]
    refused(shop, big(payload={"total_cents": 99_000}), "payload.total_cents")
    shop.client.post(approval["approve_url"], HTTP_X_DEMO_NOW=OPEN_HOURS)
    assert shop.dispatch(big(payload={"total_cents": 99_000})).json() == "Deduplicated"
    assert (
        Action.objects.get(action_id=Hold.objects.get().action_id_text).body["payload"]["total_cents"]
        == 60_000
    )
