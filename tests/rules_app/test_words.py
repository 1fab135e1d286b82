"""Rules in the business's words, and the fields that their pages offer."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit_app.models import AuditRecord
from rules_app.engine.known_fields import KnownField
from rules_app.engine.words import Lexicon, condition_in_words, label_from_name
from rules_app.services import vocabulary
from rules_app.services.vocabulary import known_fields, lexicon_now
from tests.rules_app.shop import GUIDE, rule_of
from tests.world import load_shop

SHOP = ("ecommerce", "acme-store")
DOLLARS = Lexicon({"action.payload.order_id": "order number"}, {SHOP: frozenset({"USD"})})
TOTAL = {"field": "action.payload.total_cents", "gte": 50000}


def told(condition: dict[str, Any], lexicon: Lexicon = DOLLARS, **spec: Any) -> str:
    return condition_in_words(rule_of(condition=condition, **spec), lexicon)


def test_the_guides_rules_read_as_a_manager_would_say_them() -> None:
    said = [told(spec["condition"]) for spec in GUIDE]
    assert said[0] == "action type is place_order and shipping country is one of NK, SY or IR"
    assert said[1] == "total is at least $500.00 and action type is place_order"
    assert said[2] == (
        "action type is place_order and (hour is less than 9 or hour is at least 17"
        " or day of the week is at least 6 (Saturday))"
    )


def clause(name: str, **operator: Any) -> dict[str, Any]:
    return {"field": f"action.payload.{name}", **operator}


SAID: list[tuple[dict[str, Any], str]] = [
    ({"all": [TOTAL, clause("currency", eq="JPY")]}, "total is at least ¥50,000 and currency is JPY"),
    ({"not": TOTAL}, "not (total is at least $500.00)"),
    (clause("order_id", starts_with="EU-"), "order number begins with EU-"),
    (clause("note", contains="gift wrap"), 'note contains "gift wrap"'),
    (clause("customer.tier", ne="gold"), "customer tier is not gold"),
    (clause("gift", eq=True), "gift is yes"),
    (clause("coupon", exists=False), "coupon is not given"),
    (clause("coupon", is_null=True), "coupon is empty or not given"),
    (clause("weight", lt=1200), "weight is less than 1,200"),
    (clause("note", min_length=1200), "note has at least the length 1,200"),
    (
        clause("billing_country", ne={"field": "action.payload.order_id"}),
        "billing country is not the order number",
    ),
    (clause("placed_at", older_than="36h"), "placed at is more than 36 hours ago"),
    (clause("ship_by", before="2026-12-24"), "ship by is before 2026-12-24"),
    (clause("code", eq_ignoring_case="abc"), "code is, ignoring case, abc"),
    (clause("ip", in_cidr=["10.0.0.0/8", "::1"]), "ip is in the network 10.0.0.0/8 or ::1"),
    (
        clause(
            "items[*]",
            any={"all": [{"field": "item.sku", "starts_with": "G-"}, {"field": "item.n", "gt": 1}]},
        ),
        "at least one of items has: (sku begins with G- and n is more than 1)",
    ),
]


@pytest.mark.parametrize(("condition", "words"), SAID, ids=[words for _, words in SAID])
def test_a_clause_in_words(condition: dict[str, Any], words: str) -> None:
    assert told(condition) == words


def test_an_amount_whose_currency_nobody_knows_is_said_to_be_one() -> None:
    two = Lexicon(currencies={SHOP: frozenset({"USD", "JPY"})})
    plain = "total is at least 50,000 in the smallest unit of its currency"
    assert told(TOTAL, two) == told(TOTAL, Lexicon()) == plain


def test_the_currency_is_that_of_the_rules_own_shop() -> None:
    shops = Lexicon(currencies={SHOP: frozenset({"USD"}), ("ecommerce", "tokyo"): frozenset({"JPY"})})
    assert told(TOTAL, shops, tenant="tokyo") == "total is at least ¥50,000"
    assert "smallest unit" in told(TOTAL, shops)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("action.payload.shipping_country", "shipping country"),
        ("action.payload.total_cents", "total"),
        ("action.metadata.sales-channel", "sales channel"),
        ("action.action_type", "action type"),
        ("action.id", "action's id"),
        ("time.clock", "time of day"),
    ],
)
def test_a_field_without_a_label_is_called_by_its_name(path: str, label: str) -> None:
    assert label_from_name(path) == label


def seen(payload: dict[str, Any], **changes: Any) -> AuditRecord:
    facts = {
        "namespace": SHOP[0],
        "tenant": SHOP[1],
        "provider": "payment-gateway",
        "action_type": "place_order",
    }
    return AuditRecord(
        action_id="a-1", verdict="allow", outcome="executed", action_payload=payload, **facts | changes
    )


def fields_by_path(*, with_examples: bool = True) -> dict[str, KnownField]:
    return {field.path: field for field in known_fields(with_examples=with_examples)}


@pytest.fixture
def orders(db: None) -> None:
    load_shop()
    payload = {
        "total_cents": 9900,
        "currency": "USD",
        "customer": {"tier": "gold", "vip": True},
        "items": [1],
    }
    AuditRecord.objects.bulk_create([seen(payload), seen({"total_cents": 100, "weight": 2.5})])


def test_the_lifecycles_fields_come_first_with_their_labels_and_an_example(orders: None) -> None:
    fields = known_fields(with_examples=True)
    assert {field.label for field in fields[:5]} == {
        *("order number", "total", "currency", "shipping country"),
        "customer's e-mail",
    }
    total = next(field for field in fields if field.label == "total")
    assert (total.kind, total.amount, total.source) == ("number", True, "order")
    assert total.example in (9900, 100)
    assert len({field.path for field in fields}) == len(fields)


def test_what_was_seen_in_payloads_is_offered_by_its_kind(orders: None) -> None:
    fields = fields_by_path()
    kinds = {path: field.kind for path, field in fields.items() if field.source == "seen"}
    assert kinds == {
        "action.payload.customer.tier": "text",
        "action.payload.customer.vip": "yes_no",
        "action.payload.items": "list",
        "action.payload.items[*]": "number",
        "action.payload.weight": "number",
    }
    assert fields["action.action_type"].choices == ("place_order",)
    assert fields["time.weekday"].kind == "choice"


def test_who_may_not_see_the_trail_gets_the_fields_without_values_out_of_it(orders: None) -> None:
    fields = fields_by_path(with_examples=False)
    assert fields["action.payload.customer.tier"].example is None
    assert fields["action.action_type"].choices == ()
    assert fields["time.date"].example == "2025-12-24"


def test_the_look_at_the_trail_is_one_statement_over_so_many_rows(orders: None) -> None:
    known_fields(with_examples=True)
    AuditRecord.objects.bulk_create(seen({f"field_{number}": number}) for number in range(300))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = known_fields(with_examples=True)
    assert [query["sql"].count("LIMIT") for query in asked if "audit" in query["sql"]] == [1]
    assert len([one for one in found if one.source == "seen"]) <= vocabulary.MOST_ROWS


def test_a_payload_of_any_depth_and_width_stays_bounded(orders: None) -> None:
    deep: dict[str, Any] = {"end": 1}
    for _ in range(30):
        deep = {"in": deep}
    AuditRecord.objects.bulk_create(
        [seen({"deep": deep} | {f"f{number}": "x" * 500 for number in range(2_000)})]
    )
    found = [one for one in known_fields(with_examples=True) if one.source == "seen"]
    assert len(found) <= vocabulary.MOST_FIELDS
    assert all(len(str(one.example or "")) <= 61 for one in found)


def test_a_page_learns_the_words_by_one_statement(orders: None) -> None:
    lexicon_now()
    with CaptureQueriesContext(connection) as asked:
        lexicon = lexicon_now()
    assert len([query for query in asked if "audit" in query["sql"]]) == 1
    assert lexicon.label("action.payload.order_id") == "order number"
    assert lexicon.currency() == "USD"
