"""What never reaches the trail."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from audit_app.redaction import Redactor
from audit_app.redaction.scrubber import MOST_SECRETS
from tests.acteon_site.base.cards.test_cards import written_cards
from tests.world import FIXTURES

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
    [
        "4111111111111112",
        "1234567812345670",
        "1234567890",
        "0" * 20,
        "01900000-0000-7000-8000-000000000000",
        "2026-01-31 10:00",
    ],
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


@given(
    written_cards(), documents, st.sampled_from(["text", "key", "list", "error", "deep", "bytes"]), st.data()
)
def test_no_card_survives_in_any_spelling_anywhere_in_a_payload(
    found: tuple[str, str], document: Any, place: str, data: Any
) -> None:
    card, written = found
    written = data.draw(st.text("ab :;(", max_size=4)) + written + data.draw(st.text("ab :;)", max_size=4))
    payload = {
        "text": {"note": written, "rest": document},
        "key": {"rest": document, written: 1},
        "list": [document, [written]],
        "error": {"error": ValueError(written)},
        "deep": {"a": [{"b": {"number": written, "c": document}}]},
        "bytes": {"raw": written.encode()},
    }[place]
    shown = json.dumps(SEED.scrubber().clean(payload), ensure_ascii=False)
    assert json.dumps(written, ensure_ascii=False)[1:-1] not in shown
    assert card not in re.sub(r"\D", "", "".join(str(SEED.scrubber(payload).payload).split()))
    assert SEED.scrubber().text(written) != written


@pytest.mark.parametrize(
    "payload",
    [
        {"number": "411111111111", "number2": "1111"},
        {"pan": "41111111", "number": 11111111},
        {"cardNumber_first": "4111-1111", "cardNumber_last": "1111 1111"},
        {"card": {"number": ["4111", "1111", "1111", "1111"]}},
        {"payment": [{"pan": {"begin": "41111111", "end": "11111111"}}]},
        {"qty": 1, "Number-1": 4111, "Number-2": 1111, "x": "y", "Number-3": "1111", "Number-4": "1111"},
    ],
)
def test_a_card_that_is_spread_over_fields_is_blanked_where_a_key_says_so(payload: dict[str, Any]) -> None:
    shown = json.dumps(Redactor().scrubber(payload).payload)
    assert MARK in shown
    assert "1111" not in shown


@pytest.mark.parametrize(
    "payload",
    [
        {"number": "41111111", "pan": "11111111"},
        {"pan": "11111111", "number": "41111111"},
        {"cardNumber": "41111111", "cardNumber2": 11111111},
        {"card": {"no": ["4111", "1111"], "pan": "1111-1111"}},
        {"number": "41111111", "cvv": "123", "pan": "11111111", "expiry_no": None},
    ],
)
def test_no_half_of_a_card_stays_where_the_other_is_redacted_by_its_name(payload: dict[str, Any]) -> None:
    own = Redactor({"pan": "[PAN]", "card_number": MARK, "cvv": MARK})
    shown = json.dumps(own.scrubber(payload).payload)
    assert "1111" not in shown
    assert ("[PAN]" in shown) == ("pan" in json.dumps(payload))


def test_halves_of_a_card_in_the_wrong_order_are_found_too() -> None:
    payload = {"number_2": "11111111", "number_1": "41111111"}
    assert Redactor().scrubber(payload).payload == dict.fromkeys(payload, MARK)


def test_a_number_beside_a_redacted_one_stays_where_they_make_no_card() -> None:
    payload = {"number": "41111112", "pan": "11111111"}
    assert Redactor(["pan"]).scrubber(payload).payload == {"number": "41111112", "pan": MARK}


def test_parts_of_other_numbers_are_not_put_together() -> None:
    payload = {
        "order_number": "41111111",
        "phone_number": "11111111",
        "number": "4111",
        "numbers": [41111111, 11111111],
        "quantities": ["4111", "1111", "1111", "1111"],
    }
    assert Redactor().scrubber(payload).payload == payload


@pytest.mark.parametrize(
    "key",
    [
        "card_number",
        "cardNumber",
        "CardNumber",
        "CARD-NUMBER",
        "card.number",
        "card number",
        "\uff43ard_number",
    ],
)
def test_a_name_matches_in_any_case_and_joining(key: str) -> None:
    assert SEED.scrubber({"a": [{key: "tok_1"}]}).payload == {"a": [{key: MARK}]}
    assert "tok_1" not in SEED.scrubber().text(f"{key}=tok_1") or key[0] == "\uff43"


def test_the_words_of_a_name_may_be_spread_over_keys() -> None:
    payload = {
        "card": {"last4": "4242", "brand": "visa"},
        "billing": [{"zip": 90210, "city": "x"}],
        "zip": "1",
    }
    assert SEED.scrubber(payload).payload == {
        "card": {"last4": MARK, "brand": "visa"},
        "billing": [{"zip": MARK, "city": "x"}],
        "zip": "1",
    }


@pytest.mark.parametrize("key", ["CVV", "cvc2", "cvv2", "Cvc", "pan", "PAN", "securityCode", "card_last4"])
def test_the_shipped_pipeline_blanks_what_stands_on_a_card(key: str) -> None:
    fields = yaml.safe_load((FIXTURES / "redaction.yaml").read_text())["redaction"]["fields"]
    assert {"card_last4", "billing_zip", "card_number"} <= set(fields)
    shown = Redactor(fields).scrubber({key: "123", "iban": "DE89370400440532013000", "company": "x"}).payload
    assert shown == {key: MARK, "iban": "DE89370400440532013000", "company": "x"}
    assert Redactor([*fields, "iban"]).scrubber({"IBAN": "DE89370400440532013000"}).payload == {"IBAN": MARK}


def test_a_payload_is_walked_once_however_often_it_is_asked_for() -> None:
    payload = {"note": "x"}
    scrubber = SEED.scrubber(payload)
    assert scrubber.clean(payload) is scrubber.payload
    scrubber.clean({"card_number": "tok_123456"})
    assert scrubber.clean(payload) is not scrubber.payload  # it may hold what was learned since


def test_more_secrets_than_can_be_sought_cost_all_texts_and_no_quadratic_time() -> None:
    payload = {"note": "plain words", "cards": [{"card_number": f"token-{n}"} for n in range(5000)]}
    shown = SEED.scrubber(payload)
    assert "token-4999" not in shown.text("about token-4999")
    assert len(shown._secrets) <= MOST_SECRETS + 4


@given(documents)
def test_redacting_twice_changes_nothing_more(document: Any) -> None:
    once = SEED.scrubber().clean({"a": document, "card_number": "123456789"})
    assert SEED.scrubber().clean(once) == once
