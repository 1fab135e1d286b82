"""Card numbers outside of the fields that are meant for them, sent through the storefront's doors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit_app.models import AuditRecord, Event
from chains_app.services.advance import runs_sweep
from orders_app.models import Action, Order
from tests.acteon_site.base.cards.numbers import INVISIBLE, VISIBLE, fours
from tests.acteon_site.test_secrets_at_rest import rows_as_text
from tests.world import SCOPE, Shop, order, tag

CARD = "4242424242424242"
SPELLED = "4242 4242 4242 4242"
# All of them are tried on texts, in tests/acteon_site/base/cards.
BETWEEN = VISIBLE | INVISIBLE


def nothing_happened() -> bool:
    return not (Action.objects.exists() or Order.objects.exists() or AuditRecord.objects.exists())


@pytest.mark.parametrize("name", ["48210330X17745126", "48210-33017745-126", "482103301774"])
def test_the_names_that_the_guide_offers_instead_are_taken(shop: Shop, name: str) -> None:
    assert shop.dispatch(order(payload={"order_id": "ORD-4821033017745126"})).status_code == 422
    assert tag(shop.place(payload={"order_id": name})) == "Executed"


@pytest.mark.parametrize("card", [CARD, SPELLED, "4242%204242%204242%204242", f"ref-{CARD}"])
@pytest.mark.parametrize(
    "field", ["id", "provider", "action_type", "dedup_key", "fingerprint", "payload.order_id"]
)
def test_a_name_that_holds_a_card_is_refused_before_anything_is_kept(
    shop: Shop, field: str, card: str
) -> None:
    changes: dict[str, Any] = {"payload": {"order_id": card}} if "." in field else {field: card}
    answer = shop.dispatch(order(**changes))
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["details"]] == [field]
    assert "card number" in answer.json()["message"]
    assert "4242 4242" not in answer.content.decode().replace(CARD, "4242 4242")
    assert nothing_happened()


def test_in_a_batch_only_the_order_with_the_card_is_refused(shop: Shop) -> None:
    answers = shop.batch([order(), order(id=CARD)]).json()
    assert tag(answers[0]) == "Executed"
    assert answers[1]["error"]["code"] == "VALIDATION"


def test_an_order_number_that_is_no_card_is_placed_and_found_by_it(shop: Shop) -> None:
    for name in ("1764278133123", "352099001761481", "114-3941689-8772232", "4006381333931"):
        outcome = shop.place(id=f"a{name}", payload={"order_id": name})
        assert tag(outcome) == "Executed"
        assert shop.scoped(f"/v1/events/{name}")["fingerprint"] == name


@pytest.mark.parametrize("name", list(BETWEEN)[::5])
def test_a_card_in_a_payload_reaches_neither_trail_nor_stream(shop: Shop, name: str) -> None:
    written = BETWEEN[name].join(fours(CARD))
    placed = shop.place(payload={"note": f"by {written}!", written: 1, "gift": {"number": fours(CARD)}})
    assert tag(placed) == "Executed"
    trail = [
        *AuditRecord.objects.values_list("action_payload", flat=True),
        *Event.objects.values_list("data"),
    ]
    shown = json.dumps(trail, ensure_ascii=False)
    assert json.dumps(written, ensure_ascii=False)[1:-1] not in shown
    assert "by [REDACTED]!" in shown


def test_a_card_stands_in_no_table_wherever_it_was_sent(shop: Shop) -> None:
    more = {"note": SPELLED, "n": int(CARD), "card": {"number": "42424242", "number_2": "42424242"}}
    held = shop.dispatch(
        order(payload={**more, "total_cents": 70_000}, metadata={SPELLED: "key", "value": f"by {CARD}"}),
        HTTP_X_REQUEST_ID=f"r-{CARD}",
        HTTP_IDEMPOTENCY_KEY=CARD,
    )
    assert CARD not in held.headers["X-Request-ID"]
    approval = held.json()["PendingApproval"]["approval_id"]
    run = shop.place(payload=more)["Executed"]["body"]["chain_id"]
    words = {"reason": f"paid with {SPELLED}", "cancelled_by": f"Ann {CARD}"}
    assert shop.post(f"/v1/chains/{run}/cancel", {**SCOPE, **words}).status_code == 200
    name = Order.objects.get(run_id=run).fingerprint
    assert shop.post(f"/v1/orders/{name}/cancel", {**SCOPE, **words}).status_code in (200, 409)
    runs_sweep()
    assert approval
    for table, text in rows_as_text():
        for canary in (CARD, SPELLED):
            assert canary not in text, table
