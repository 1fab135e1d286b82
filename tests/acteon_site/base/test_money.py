"""Amounts by ISO 4217: how many decimals, what cannot be shown as money, and which currency was meant."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base.money import DECIMALS, currency_problem, total_of


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ({"total_cents": 50_000, "currency": "USD"}, "$500.00"),
        ({"total_cents": 60_000, "currency": "JPY"}, "¥60,000"),
        ({"total_cents": 61_500, "currency": "KWD"}, "61.500 KWD"),
        ({"total_cents": 7, "currency": "KWD"}, "0.007 KWD"),
        ({"total_cents": 123_456, "currency": "CLF"}, "12.3456 CLF"),
        ({"total_cents": 123_456_705, "currency": "EUR"}, "€1,234,567.05"),
        ({"total_cents": 7, "currency": "SEK"}, "0.07 SEK"),
        ({"total_cents": 100, "currency": " sek"}, "1.00 SEK"),
        ({"total_cents": -150, "currency": "USD"}, "$-1.50"),
        ({"total_cents": 9_007_199_254_740_993, "currency": "USD"}, "$90,071,992,547,409.93"),
        ({"total_cents": "[REDACTED]", "currency": "USD"}, "[REDACTED]"),
        ({"total_cents": True}, "True"),
        ({}, "-"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(payload: dict[str, Any], shown: str) -> None:
    assert total_of(payload) == shown


@pytest.mark.parametrize("code", ["IQD", "HUF", "IDR", "IRR", "LBP", "COP", "MMK"])
def test_decimals_are_the_standards_also_where_people_round_them_away(code: str) -> None:
    assert DECIMALS[code] == (3 if code == "IQD" else 2)


@pytest.mark.parametrize(
    ("currency", "shown"),
    [
        (None, "6,000 (no currency given)"),
        ("", "6,000 (no currency given)"),
        ("QQQ", "6,000 (unknown currency QQQ)"),
        ("XAU", "6,000 (unknown currency XAU)"),
        ("a very long currency", "6,000 (unknown currency a very long )"),
        (["USD"], "6,000 (unknown currency ['USD'])"),
        ("[REDACTED]", "6,000 (unknown currency [REDACTED])"),
    ],
)
def test_without_a_known_currency_no_decimals_are_invented(currency: Any, shown: str) -> None:
    assert total_of({"total_cents": 6_000, "currency": currency}) == shown


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        *(("UDS", "USD"), ("usd", "USD"), ("US$", "USD"), ("USX", "USD"), ("US Dollar", "USD")),
        *(("EURO", "EUR"), ("GPB", "GBP"), ("JYP", "JPY"), ("YEN", "JPY"), ("KWT", "KWD")),
    ],
)
def test_a_currency_that_does_not_exist_is_answered_with_a_near_one(code: str, meant: str) -> None:
    assert f"(did you mean {meant!r}?)" in str(currency_problem(code))


@pytest.mark.parametrize("code", ["QQQ", "XXX", "", "$", "x" * 1000])
def test_where_none_is_near_the_form_is_told(code: str) -> None:
    problem = str(currency_problem(code))
    assert "three letters" in problem
    assert len(problem) < 120


def test_every_currency_that_has_a_smallest_unit_is_taken() -> None:
    assert not [code for code in DECIMALS if currency_problem(code)]
    assert len(DECIMALS) > 150
