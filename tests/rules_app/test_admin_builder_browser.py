"""A manager builds a rule in a real browser: by rows, by text, by keys, and sees each mistake at its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page

from rules_app.models import Rule
from tests.browsing import CHROMIUM, chromium, visitor
from tests.rules_app.test_words import seen
from tests.world import load_shop

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def afterwards(transactional_db: None) -> Iterator[dict[str, Any]]:
    """The condition and action that the rule `built` is to have, looked at once the page is closed."""
    load_shop()
    items = [{"sku": "A", "count": 2}]
    order = seen({"total_cents": 9900, "currency": "USD", "order_id": "o-1", "billing": "US", "items": items})
    order.save()
    expected: dict[str, Any] = {}
    yield expected
    if expected:
        assert Rule.objects.values("condition", "action").get(name="built") == expected


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(afterwards: dict[str, Any], live_server: Any, browser: Browser) -> Iterator[Page]:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    with visitor(browser, live_server.url, client.cookies["sessionid"].value) as context:
        opened, trouble = context.new_page(), []
        opened.on("pageerror", lambda error: trouble.append(str(error)))
        opened.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
        opened.goto(f"{live_server.url}/admin/rules_app/rule/add/")
        opened.wait_for_selector(".rb-rows")
        yield opened
    assert trouble == []


def row(page: Page, number: int) -> Any:
    return page.locator(".rb-row").nth(number)


def add_clause(page: Page, field: str, operator: str) -> Any:
    page.locator(".rb-foot button:has-text('Condition')").last.click()
    added = page.locator(".rb-row").last
    added.get_by_label("Field", exact=True).select_option(field)
    added.get_by_label("Operator").select_option(operator)
    return added


def test_a_rule_is_built_without_seeing_yaml(page: Page, afterwards: dict[str, Any]) -> None:
    page.fill("[name=name]", "built")
    add_clause(page, "action.payload.total_cents", "gte").get_by_label("Value in USD").fill("500.00")
    add_clause(page, "action.payload.shipping_country", "in_list").get_by_label("Values").fill("NO\nSE")
    page.get_by_label("What happens").select_option("request_approval")
    page.get_by_label("notify provider").fill("email-service")
    page.get_by_label("timeout", exact=True).fill("90")
    page.get_by_label("Unit of timeout seconds").select_option("minutes")
    page.wait_for_selector(
        ".rb-words:has-text('total is at least $500.00 and shipping country is one of NO or SE')"
    )
    page.select_option("[name=save_to]", "publish")
    page.fill("[name=reason]", "large orders to the north are looked at")
    page.click("[name=_save]")
    page.wait_for_selector("#result_list")
    afterwards["condition"] = {
        "all": [
            {"field": "action.payload.total_cents", "gte": 50000},
            {"field": "action.payload.shipping_country", "in_list": ["NO", "SE"]},
        ]
    }
    afterwards["action"] = {
        "type": "request_approval",
        "notify_provider": "email-service",
        "timeout_seconds": 5400,
    }


def test_the_rows_follow_the_text_and_the_text_follows_the_rows(page: Page) -> None:
    page.fill(
        "[name=condition]",
        "not:\n  any:\n    - {field: time.weekday, eq: Sunday}\n    - {field: time.hour, lt: 9}",
    )
    page.wait_for_function("document.querySelectorAll('.rb-row').length === 2")
    assert page.get_by_label("Which of these must hold").input_value() == "none"
    row(page, 1).get_by_label("Value").fill("8")
    page.wait_for_function("document.querySelector('[name=condition]').value.includes('lt: 8')")
    page.get_by_label("Which of these must hold").select_option("any")
    page.wait_for_function("document.querySelector('[name=condition]').value.startsWith('any:')")


def test_members_of_a_list_and_other_fields_have_rows_of_their_own(page: Page) -> None:
    sku = add_clause(page, "action.payload.items[*].sku", "starts_with_any")
    sku.get_by_label("Of the list's members").select_option("all")
    sku.get_by_label("Values").fill("GIFT-\nFREE-")
    billing = add_clause(page, "action.payload.billing", "ne")
    billing.get_by_label("Compare with another field").click()
    billing.get_by_label("Field to compare with").select_option("action.payload.shipping_country")
    add_clause(page, "action.payload.items", "min_length").get_by_label("Value").fill("3")
    said = "each of items has: sku begins with one of GIFT- or FREE- and billing is not the shipping country"
    page.wait_for_selector(f".rb-words:has-text('{said}')")
    page.fill(
        "[name=condition]",
        "field: action.payload.items[*].count\nany: {gt: {field: action.payload.total_cents}}",
    )
    page.wait_for_function("document.querySelectorAll('.rb-row').length === 1")
    assert row(page, 0).get_by_label("Of the list's members").input_value() == "any"
    assert row(page, 0).get_by_label("Field to compare with").input_value() == "action.payload.total_cents"
    page.fill(
        "[name=condition]",
        "field: action.payload.items[*]\n"
        "any:\n  all:\n    - {field: item.sku, eq: B}\n    - {field: item.count, gt: 3}",
    )
    page.wait_for_function("document.querySelectorAll('.rb-list').length === 1")
    assert row(page, 1).get_by_label("Field", exact=True).input_value() == "item.count"
    page.get_by_label("How many of its members").select_option("all")
    row(page, 1).get_by_label("Value").fill("30")
    page.wait_for_selector(".rb-words:has-text('each of items has: (sku is B and count is more than 30)')")
    page.fill("[name=condition]", "field: time.hour\neq: 9")
    page.wait_for_function("document.querySelectorAll('.rb-list').length === 0")
    page.locator(".rb-foot button:has-text('One member of a list')").click()
    page.get_by_label("Which of these must hold").nth(1).select_option("any")
    page.locator(".rb-group .rb-group .rb-foot button:has-text('Condition')").click()
    row(page, 2).get_by_label("Field", exact=True).select_option("item.sku")
    row(page, 2).get_by_label("Operator").select_option("starts_with")
    row(page, 2).get_by_label("Value").fill("GIFT-")
    page.wait_for_function("document.querySelector('[name=condition]').value.includes('starts_with: GIFT-')")
    assert "field: action.payload.items[*]" in page.input_value("[name=condition]")
    row(page, 2).get_by_label("Move the condition down").click()  # it stays with its member
    assert page.locator(".rb-group .rb-group .rb-row").count() == 2
    page.fill("[name=condition]", "cel: time.hour < 30")
    page.wait_for_selector(".rb-row:has-text('Written in CEL: it is changed in the text beside.')")
    page.wait_for_selector(".rb-row .rb-problem:has-text('line 1, column 1: must be from 0 to 23')")


def test_a_mistake_stands_at_its_row_while_typing(page: Page) -> None:
    add_clause(page, "time.hour", "gte").get_by_label("Value").fill("25")
    page.wait_for_selector(".rb-row .rb-problem:has-text('must be from 0 to 23')")
    assert row(page, 0).get_by_label("Value").get_attribute("aria-invalid") is not None
    row(page, 0).get_by_label("Value").fill("20")
    page.wait_for_selector(".rb-words:has-text('hour is at least 20')", state="attached")
    page.fill("[name=condition]", "field: action.payload.country\nin_list: [NO]")
    page.wait_for_selector(".rb-text .rb-problem:has-text('line 2: unquoted NO')")


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.locator(".rb-foot button").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # from the field to the operator, to the value
    page.keyboard.press("Tab")
    page.keyboard.type("first")
    page.locator(".rb-foot button").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("second")
    page.keyboard.press("Alt+ArrowUp")
    values = "[...document.querySelectorAll('.rb-row [aria-label=Value]')].map((one) => one.value)"
    assert page.evaluate(values) == ["second", "first"]
    page.keyboard.press("Alt+Delete")
    assert page.evaluate(values) == ["first"]


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    add_clause(page, "action.payload.total_cents", "gte")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".rb-row").first.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
