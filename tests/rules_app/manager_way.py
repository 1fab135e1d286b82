"""The way of a rule in two people's browsers, step by step: what the proof walks and what the pictures show.

A step begins where the one before it ended. `tests/rules_app/test_manager_way_browser.py` walks all of them;
`python -m tests.pictures` does so, too, and keeps a picture wherever a step says `shown`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import APIRequestContext, Locator, Page

RULE = "approve-large-orders-north"
OPEN_HOURS = "2026-03-04T16:00:00Z"  # a Wednesday at 11:00 in the shop's zone
TRIED = '{"order_id": "tried-1", "total_cents": 30000, "currency": "USD", "shipping_country": "NO"}'
_numbers = itertools.count(1)


def _not_shown(name: str, page: Page, part: str) -> None:
    pass


def _done_elsewhere() -> None:
    pass


@dataclass
class Way:
    """`manager` and `colleague` are signed in; `shop` may dispatch. `shown(name, page, part)`: now is the moment for a
    picture of what `part` selects, "" for the page. `work` does what a worker does, where there is none."""

    manager: Page
    colleague: Page
    shop: APIRequestContext
    url: str
    tenant: str = "acme-store"
    shown: Callable[[str, Page, str], None] = _not_shown
    work: Callable[[], None] = _done_elsewhere
    draft: str = ""
    placed: str = ""

    def visit(self, page: Page, path: str) -> None:
        page.goto(path if path.startswith("http") else self.url + path)

    def order(self) -> dict[str, Any]:
        """What becomes of an order of $300.00 to Norway."""
        number = next(_numbers)
        self.placed = f"NO-{number}"
        payload = {
            "order_id": self.placed,
            "total_cents": 30_000,
            "currency": "USD",
            "shipping_country": "NO",
            "items": [{"sku": "A-1", "qty": 2}],
            "customer_email": f"kari{number}@example.com",
        }
        action = {
            "namespace": "ecommerce",
            "tenant": self.tenant,
            "provider": "payment-gateway",
            "action_type": "place_order",
            "id": f"way-{number}",
            "dedup_key": f"way-{number}",
            "payload": payload,
        }
        answer = self.shop.post("/v1/dispatch", data=action, headers={"X-Demo-Now": OPEN_HOURS})
        assert answer.ok, answer.text()
        said = answer.json()
        return said if isinstance(said, dict) else {said: {}}


def clause(page: Page, label: str, operator: str) -> Locator:
    """One more row of the condition, for the field of this label."""
    page.locator(".rb-foot button:has-text('Condition')").last.click()
    added = page.locator(".rb-row").last
    added.get_by_label("Field", exact=True).select_option(label=label)
    added.get_by_label("Operator").select_option(label=operator)
    return added


def with_reason(page: Page, reason: str) -> None:
    page.locator(".gw-confirm:visible [name=reason]").fill(reason)


def orders_pass(way: Way) -> None:
    assert "PendingApproval" not in way.order()


def rule_is_built(way: Way) -> None:
    """In rows; no JSON is typed."""
    page = way.manager
    way.visit(page, "/admin/rules_app/rule/add/")
    page.wait_for_selector(".rb-rows")
    page.fill("[name=name]", RULE)
    page.fill("[name=description]", "Parcels to the north get lost: somebody looks at the dear ones first.")
    page.fill("[name=priority]", "5")
    clause(page, "total", "is at least").get_by_label("Value in USD").fill("250.00")
    clause(page, "shipping country", "is one of").get_by_label("Values").fill("NO\nSE")
    page.get_by_label("What happens").select_option(label="request approval")
    page.get_by_label("notify provider").fill("email-service")
    page.get_by_label("timeout", exact=True).fill("90")
    page.get_by_label("Unit of timeout seconds").select_option("minutes")
    told = "total is at least $250.00 and shipping country is one of NO or SE: hold for approval"
    page.wait_for_selector(f".rb-words:has-text('{told}')")
    way.shown("building", page, ".rb >> nth=0")
    page.select_option("[name=save_to]", "new")
    page.fill("[name=draft_name]", "Orders to the north")
    page.click("[name=_save]")
    page.wait_for_selector("#changes")
    way.draft = page.url
    way.shown("draft", page, "")


def draft_is_tried(way: Way) -> None:
    page = way.manager
    way.visit(page, way.draft)
    page.click("#try")
    page.fill("[name=tenant]", way.tenant)
    page.fill("[name=payload]", TRIED)
    page.fill("[name=evaluate_at]", OPEN_HOURS)
    page.click("button:has-text('Ask')")
    page.wait_for_selector(f"#verdict:has-text('request_approval by {RULE}')")
    assert re.search(r"Now, by version \d+ in force: allow", page.inner_text("#live"))
    assert "$300.00 ≥ $250.00: yes" in page.inner_text("#trace")
    way.shown("trying", page, "")


def colleague_edits_meanwhile(way: Way) -> None:
    """The second to save sees both sides; nothing is lost, and nothing is overwritten."""
    mine, theirs = way.manager, way.colleague
    for page in (mine, theirs):
        way.visit(page, f"{way.draft.replace('/change/', '/rule/')}?name={RULE}")
        page.wait_for_selector(".rb-rows")
    _saved(theirs, "275.00")
    theirs.wait_for_selector("#changes")
    _saved(mine, "290.00")
    mine.wait_for_selector(".gw-conflict")
    said = mine.inner_text(".gw-conflict")
    assert "$275.00" in said
    assert "$290.00" in said
    way.shown("conflict", mine, "")
    mine.click("text=Open the rule as it is now")
    mine.wait_for_selector(".rb-words:has-text('$275.00')")


def _saved(page: Page, total: str) -> None:
    page.get_by_label("Value in USD").fill(total)
    page.wait_for_selector(f".rb-words:has-text('${total}')")
    page.click("button:has-text('Save to the draft')")


def draft_is_backtested(way: Way) -> None:
    """Over the order that has just passed: it would have been held."""
    page = way.manager
    way.visit(page, way.draft)
    page.fill("#backtests [name=to]", f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M}")
    page.fill("#backtests [name=tenant]", way.tenant)
    page.click("#backtests button:has-text('Backtest')")
    page.wait_for_selector("#backtests li")
    way.work()
    page.click("#backtests li a")
    page.wait_for_selector("#found:has-text('1 of 1 would change')")
    assert "$300.00" in page.inner_text("#found")
    way.shown("backtest", page, "")


def rule_is_put_in_shadow(way: Way) -> None:
    page = way.manager
    way.visit(page, f"{way.draft.replace('/change/', '/rule/')}?name={RULE}")
    page.wait_for_selector(".rb-rows")
    page.check("[name=shadow]")
    page.click("button:has-text('Save to the draft')")
    page.wait_for_selector("#changes:has-text('In shadow')")


def draft_is_published(way: Way) -> None:
    page = way.manager
    way.visit(page, way.draft)
    page.click("button:has-text('Publish')")
    with_reason(page, "Three parcels to Norway were lost in a week")
    way.shown("publishing", page, ".gw-lead")
    page.click("button:has-text('Yes, publish')")
    page.wait_for_selector("#state:has-text('published as version')")


def shadow_notes_and_stops_nothing(way: Way) -> None:
    orders_pass(way)
    page = way.manager
    way.visit(page, "/admin/rules_app/rule/")
    page.click(f"#result_list a:has-text('{RULE}')")
    page.get_by_role("link", name="Report", exact=True).click()
    page.wait_for_selector("#lead-shadow:has-text('1 of 1')")
    assert "worth $300.00" in page.inner_text("#lead-shadow")
    way.shown("shadow", page, "")


def rule_goes_live(way: Way) -> None:
    page = way.manager
    page.click("button:has-text('Go live')")
    with_reason(page, "It stops the right ones")
    page.locator(".gw-confirm:visible button[type=submit]").click()
    page.wait_for_selector("#stage:has-text('live')")


def next_order_obeys(way: Way) -> None:
    held = way.order()["PendingApproval"]
    page = way.manager
    way.visit(page, "/admin/orders_app/order/")
    page.click(f"#result_list a:has-text('{way.placed}')")
    page.wait_for_selector(f"#why:has-text('{RULE}')")
    assert held["approval_id"]
    way.shown("obeyed", page, "")


def home_shows_what_waits(way: Way) -> None:
    way.visit(way.manager, "/admin/")
    way.manager.wait_for_selector(f".gw-card:has-text('{way.placed}')")
    way.shown("home", way.manager, "")


def rules_are_rolled_back(way: Way) -> None:
    page = way.manager
    way.visit(page, "/admin/rules_app/rulesetversion/")
    page.locator("#result_list tbody a").nth(2).click()  # the one before the rule
    page.click("button:has-text('Roll back to this version')")
    with_reason(page, "The carrier found the parcels")
    way.shown("rolling-back", page, "")
    page.click("button:has-text('Yes, roll back')")
    page.wait_for_selector("text=is in force again")
    orders_pass(way)


STEPS: tuple[Callable[[Way], None], ...] = (
    orders_pass,
    rule_is_built,
    draft_is_tried,
    colleague_edits_meanwhile,
    draft_is_backtested,
    rule_is_put_in_shadow,
    draft_is_published,
    shadow_notes_and_stops_nothing,
    rule_goes_live,
    next_order_obeys,
    home_shows_what_waits,
    rules_are_rolled_back,
)
