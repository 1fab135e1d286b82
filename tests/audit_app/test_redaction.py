"""What never reaches the trail."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_app.redaction import Redactor

SEED = Redactor(["card_last4", "billing_zip", "card_number"])
CARD = "4111111111111111"
MARK = "[REDACTED]"

names = st.text("abcXYZ_äß", min_size=1, max_size=5)
leaves = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=12)
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def luhn_valid(digits: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(digits)):
        digit = int(char) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def with_check_digit(digits: str) -> str:
    return next(digits + last for last in "0123456789" if luhn_valid(digits + last))


cards = st.text("0123456789", min_size=12, max_size=18).map(with_check_digit)


def test_a_name_matches_at_any_depth_whatever_its_case() -> None:
    payload = {"CARD_Last4": "4242", "items": [{"deep": [{"Billing_Zip": 90210}]}], "note": "as usual"}
    assert SEED.scrubber(payload).payload == {
        "CARD_Last4": MARK,
        "items": [{"deep": [{"Billing_Zip": MARK}]}],
        "note": "as usual",
    }


def test_a_dotted_path_matches_only_there() -> None:
    redactor = Redactor(["payload.card.number"])
    payload = {"card": {"number": "77"}, "number": "88", "cards": [{"card": {"NUMBER": "99"}}]}
    assert redactor.scrubber(payload).payload == {
        "card": {"number": MARK},
        "number": "88",
        "cards": [{"card": {"NUMBER": MARK}}],
    }


def test_a_whole_object_behind_a_redacted_name_goes() -> None:
    scrubber = Redactor(["card"]).scrubber({"card": {"holder": "Jane Dough", "pin": 4711}})
    assert scrubber.payload == {"card": MARK}
    assert scrubber.text("paid by Jane Dough") == f"paid by {MARK}"


@pytest.mark.parametrize(
    "text",
    [
        "declined: secret-token!",
        "declined: SECRET-TOKEN!",
        "url ?q=secret-token%21",
        '{"echo": "secret-token!"}',
        "tail secret-token!secret-token!",
    ],
)
def test_a_redacted_value_is_blanked_in_every_text(text: str) -> None:
    scrubber = Redactor(["token"]).scrubber({"token": " secret-token! "})
    assert "secret" not in scrubber.text(text).lower()
    assert scrubber.clean({"error": [text]})["error"][0] == scrubber.text(text)


def test_a_value_is_blanked_even_where_it_stands_before_the_field_that_gives_it_away() -> None:
    shown = SEED.scrubber({"note": "zip is 902101234", "billing_zip": "902101234"}).payload
    assert shown == {"note": f"zip is {MARK}", "billing_zip": MARK}


def test_short_values_are_blanked_behind_their_name_in_text_and_nowhere_else() -> None:
    scrubber = SEED.scrubber({"card_last4": "4242", "order_id": "4242-1"})
    assert scrubber.payload["order_id"] == "4242-1"
    assert "4242" not in scrubber.text("POST card_last4=4242&qty=1")
    assert "4242" not in scrubber.text('body was {"card_last4": "4242", "qty": 1}')
    assert "4242" not in scrubber.text('body was "{\\"card_last4\\": \\"4242\\"}"')


def test_secrets_that_an_answer_names_are_blanked_in_the_rest_of_it() -> None:
    answer = {"message": "token tok_123456 stored", "card_number": "tok_123456"}
    assert SEED.scrubber({}).clean(answer)["message"] == f"token {MARK} stored"


def test_tainted_fields_are_redacted_whatever_their_name() -> None:
    scrubber = SEED.scrubber({"last": "4242", "deep": {"zip": "90210"}, "zip": "kept"}, ("last", "deep.zip"))
    assert scrubber.payload == {"last": MARK, "deep": {"zip": MARK}, "zip": "kept"}


@pytest.mark.parametrize(
    "number",
    [CARD, "4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005", "4111  1111 - 1111 1111"],
)
def test_card_numbers_are_blanked_wherever_they_stand(number: str) -> None:
    for text in (number, f"card {number}, thanks", f"{number} 12/27", f"x{number}y"):
        assert number not in SEED.scrubber({"note": text}).payload["note"]
    assert list(SEED.scrubber({number: 1}).payload) == [MARK]


@pytest.mark.parametrize(
    "name", ["ORD-2002-261122-125224", "2026-11-22 12:52:24 0000 17", "7-4992739-8716-12"]
)
def test_an_orders_name_that_happens_to_add_up_is_no_card(name: str) -> None:
    assert SEED.scrubber({"order_id": name}).payload == {"order_id": name}


def test_card_numbers_given_as_numbers_are_blanked() -> None:
    assert SEED.scrubber({"a": int(CARD), "b": float(CARD), "c": 4_111_111}).payload == {
        "a": MARK,
        "b": MARK,
        "c": 4_111_111,
    }


@pytest.mark.parametrize(
    "text",
    ["4111111111111112", "1234567890", "0" * 20, "01900000-0000-7000-8000-000000000000", "2026-01-31 10:00"],
)
def test_other_numbers_stay(text: str) -> None:
    assert SEED.scrubber({"note": text}).payload == {"note": text}


def test_a_cycle_ends() -> None:
    loop: dict[str, Any] = {"name": "x"}
    loop["self"] = [loop]
    assert SEED.scrubber(loop).payload == {"name": "x", "self": [MARK]}


def test_bottomless_nesting_ends() -> None:
    deep: Any = "leaf"
    for _ in range(5000):
        deep = [deep]
    assert MARK in json.dumps(SEED.scrubber(deep).payload)


def test_every_field_may_have_a_placeholder_of_its_own() -> None:
    assert Redactor({"pin": "(pin)", "zip": "(zip)"}).scrubber({"pin": 1, "zip": 2}).payload == {
        "pin": "(pin)",
        "zip": "(zip)",
    }


def test_nothing_to_redact_leaves_an_equal_copy() -> None:
    payload = {"a": [1, 2.5, None, True, {"b": "text"}]}
    shown = SEED.scrubber(payload).payload
    assert shown == payload
    assert shown is not payload


@given(documents)
def test_what_has_no_secret_comes_out_unchanged(document: Any) -> None:
    assert Redactor(["not-there"]).scrubber().clean(document) == document


@given(
    documents, st.text(min_size=6, max_size=20).filter(lambda text: text.strip() == text and len(text) > 5)
)
def test_a_secret_of_six_characters_never_survives(document: Any, secret: str) -> None:
    shown = Redactor(["pin"]).scrubber(
        {"document": document, "echo": f"<{secret}>", "deep": [{"PIN": secret}]}
    )
    assert secret.lower() not in shown.payload["echo"].lower() or secret.lower() in MARK.lower()


@given(cards, st.text("abc ,.", max_size=5), st.text("abc ,.", max_size=5), st.data())
def test_no_card_number_survives_however_it_is_grouped(card: str, before: str, after: str, data: Any) -> None:
    size = data.draw(st.sampled_from([1, 4, len(card)]))
    groups = [card[start : start + size] for start in range(0, len(card), size)]
    written = data.draw(st.sampled_from([" ", "-", " - "])).join(groups)
    assert written not in SEED.scrubber().text(before + written + after)


@given(documents)
def test_redacting_twice_changes_nothing_more(document: Any) -> None:
    once = SEED.scrubber().clean({"a": document, "card_number": "123456789"})
    assert SEED.scrubber().clean(once) == once


@pytest.mark.parametrize(
    "text", ["1 " * 500_000, "1" * 1_000_000, "card_last4: " * 80_000, "4111 " * 200_000]
)
def test_hostile_megabytes_take_linear_time(text: str) -> None:
    begin = time.thread_time()
    SEED.scrubber({"note": text})
    assert time.thread_time() - begin < 5
