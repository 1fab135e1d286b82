"""What is taken for a card number, however it is written, and what stays readable."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteon_site.base.cards import finding, holds_card, without_cards
from acteon_site.base.names import name_problem
from tests.acteon_site.base.cards.numbers import (
    ENCODED_DIGITS,
    GROUPS,
    INVISIBLE,
    TEST_CARDS,
    VISIBLE,
    cards_of_issuers,
    fours,
    no_cards,
    with_check_digit,
)

MARK = "[card]"
CARD = "4111111111111111"
NO_CARDS = no_cards()
BETWEEN = {**VISIBLE, **INVISIBLE}


@pytest.mark.parametrize("card", TEST_CARDS)
def test_every_networks_test_cards_are_found(card: str) -> None:
    for written in (card, " ".join(fours(card)), "-".join(card), f"x{card}y", f"12, {card}, 12/27"):
        assert card not in re.sub(r"\D", "", without_cards(written, MARK))


@pytest.mark.parametrize("separator", BETWEEN.values(), ids=BETWEEN)
def test_a_card_is_found_whatever_stands_between_its_digits(separator: str) -> None:
    for pieces in (fours(CARD), list(CARD), [CARD[:8], CARD[8:]]):
        assert without_cards(f"paid by {separator.join(pieces)}!", MARK) == f"paid by {MARK}!"


@pytest.mark.parametrize("invisible", INVISIBLE.values(), ids=INVISIBLE)
def test_what_shows_nothing_may_stand_anywhere_in_it(invisible: str) -> None:
    for pieces in ([CARD[:3], CARD[3:]], [CARD[:7], CARD[7:9], CARD[9:]]):
        assert without_cards(invisible.join(pieces), MARK) == MARK


@pytest.mark.parametrize("spell", ENCODED_DIGITS.values(), ids=ENCODED_DIGITS)
def test_a_card_is_found_in_digits_of_any_script_and_encoding(spell: Any) -> None:
    assert without_cards(f"paid by {spell(CARD)}!", MARK) == f"paid by {MARK}!"
    assert without_cards(" ".join(map(spell, fours(CARD))), MARK) == MARK


def test_what_stands_around_an_encoded_card_is_kept_as_it_was() -> None:
    text = f"a=1%202&amp;b&nbsp;{'%20'.join(fours(CARD))}&c=%41&#66;"
    assert without_cards(text, MARK) == f"a=1%202&amp;b&nbsp;{MARK}&c=%41&#66;"
    assert without_cards(f"100%{CARD}", MARK) == f"100%{MARK}"


@pytest.mark.parametrize("kind", NO_CARDS)
def test_what_is_no_card_stays_readable(kind: str) -> None:
    for number in NO_CARDS[kind]:
        for text in (number, f"see {number}, please", f'{{"n": "{number}"}}'):
            assert without_cards(text, MARK) == text
        assert name_problem(number) is None


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111112",  # no checksum
        "1234567812345670",  # nobody's prefix
        "411111111111116",  # nobody's length
        "4006381333931",  # an article from Germany
        "0" * 16,
        "9" * 40,
    ],
)
def test_length_prefix_and_checksum_are_needed_together(number: str) -> None:
    assert not holds_card(number)


@st.composite
def written_cards(draw: Any) -> tuple[str, str]:
    """A card of a real issuer, and a way in which it may be written."""
    first, last, length = draw(st.sampled_from(cards_of_issuers()))
    prefix = str(draw(st.integers(int(first), int(last))))
    rest = length - 1 - len(prefix)
    card = with_check_digit(prefix + draw(st.text("0123456789", min_size=rest, max_size=rest)))
    ones = (1,) * length
    sizes = draw(st.sampled_from([(length,), tuple(map(len, fours(card))), ones, *GROUPS.get(length, [])]))
    ends = [0, *itertools.accumulate(sizes)]
    spell = draw(st.sampled_from(list(ENCODED_DIGITS.values())))
    pieces = [spell(card[a:b]) for a, b in itertools.pairwise(ends)]
    separators = st.lists(st.sampled_from(list(BETWEEN.values())), min_size=1, max_size=2).map("".join)
    return card, pieces[0] + "".join(draw(separators) + piece for piece in pieces[1:])


@given(written_cards(), st.text("ab:;(12 ", max_size=6), st.text("ab:;)12 ", max_size=6))
def test_no_card_of_a_real_issuer_survives_in_any_spelling(
    found: tuple[str, str], before: str, after: str
) -> None:
    card, written = found
    before, after = before.rstrip("12"), after.lstrip("12")
    assert written not in without_cards(before + written + after, MARK), card


@pytest.mark.parametrize(
    "unit",
    [
        "1 ",
        "1",
        "4",
        "4 ",
        f"{CARD} ",
        "4111 ",
        "%34%20",
        "&#160;4",
        "&amp;",
        "\\",
        "%25",
        "DE44 5001 0517 5407 ",
    ],
)
def test_twice_the_text_is_at_most_twice_the_candidates(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are counted, not seconds: prefixes looked at, pieces decoded."""
    steps = 0

    def counted(*args: Any) -> Any:
        nonlocal steps
        steps += 1
        return looked_up(*args)

    looked_up = finding.lengths_issued
    monkeypatch.setattr(finding, "lengths_issued", counted)
    counts = []
    for size in (20_000, 40_000, 80_000):
        steps = 0
        without_cards((unit * size)[:size], MARK)
        counts.append(steps)
    assert counts[1] <= 2.1 * counts[0] + 10
    assert counts[2] <= 2.1 * counts[1] + 10
