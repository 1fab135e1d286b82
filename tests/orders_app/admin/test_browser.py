"""A manager at work in a real browser: signs in, sees what waits, approves it, reads what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Browser, Page

from acteon_site.access.people import groups_ensure
from orders_app.models import Hold, Order
from tests.browsing import CHROMIUM, chromium, visitor
from tests.people import PRIVATE, always_open, held
from tests.world import Shop, load_shop

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def hold(transactional_db: None) -> Hold:
    """A held order, and Maria, who may approve it."""
    load_shop()
    always_open()
    groups_ensure()
    maria = User.objects.create_user("maria", password="a long enough password", is_staff=True)
    maria.groups.set(Group.objects.filter(name="approver"))
    return held(Shop())


class Browsing:
    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.outside: list[str] = []
        self.trouble: list[str] = []
        page.on("request", lambda request: self._note(request.url))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        # What the Content-Security-Policy stops is said there.
        page.on("console", lambda said: self.trouble.append(said.text) if said.type == "error" else None)

    def _note(self, url: str) -> None:
        if not url.startswith((self.base, "data:")):
            self.outside.append(url)

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto(f"{self.base}/admin/")
        self.page.fill("input[name=username]", name)
        self.page.fill("input[name=password]", password)
        self.page.click("button[type=submit]")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def browsing(hold: Hold, live_server: Any, browser: Browser) -> Iterator[Browsing]:
    with visitor(browser) as context:
        yield Browsing(context.new_page(), live_server.url)


def approve(browsing: Browsing) -> str:
    """From the sign-in to the outcome, by clicks alone; answers the last page's text."""
    browsing.sign_in("maria", "a long enough password")
    page = browsing.page
    page.click("#approvals a:has-text('big-1')")
    page.wait_for_selector("time[data-left]:has-text('left')")
    seen = page.inner_text("#content-main")
    assert "$750.00" in seen
    assert not any(secret in seen for secret in PRIVATE)
    page.click("button:has-text('Approve')")
    page.click("button:has-text('Yes, approve')")
    page.wait_for_selector("#decision")
    return page.inner_text("#main")


def test_a_manager_approves_an_order_by_clicking(browsing: Browsing, hold: Hold) -> None:
    shown = approve(browsing)
    assert "the chain order-processing has started" in shown
    assert "Approved by maria" in shown
    assert browsing.page.locator("button:has-text('Approve')").count() == 0
    assert browsing.outside == []
    assert browsing.trouble == []


@pytest.fixture
def afterwards(hold: Hold) -> Iterator[None]:
    """Looks at the database once the page is closed."""
    yield
    hold.refresh_from_db()
    assert (hold.status, hold.decided_by) == ("approved", "maria")
    assert Order.objects.get().status == "processing"


def test_what_the_clicks_led_to_stands_in_the_database(afterwards: None, browsing: Browsing) -> None:
    approve(browsing)


@pytest.fixture
def colleague(hold: Hold, settings: Any) -> None:
    """Tom, who may approve, too; and time to undo."""
    settings.APPROVAL_UNDO_SECONDS = 60
    tom = User.objects.create_user("tom", password="a long enough password", is_staff=True)
    tom.groups.set(Group.objects.filter(name="approver"))


@pytest.fixture
def toms(colleague: None, browser: Browser, live_server: Any) -> Iterator[Browsing]:
    with visitor(browser) as context:
        yield Browsing(context.new_page(), live_server.url)


def test_keys_decide_and_undo_and_a_colleague_sees_both_without_a_reload(
    toms: Browsing, browsing: Browsing
) -> None:
    for one, name in ((browsing, "maria"), (toms, "tom")):
        one.sign_in(name, "a long enough password")
        one.page.goto(f"{one.base}/admin/orders_app/approval/")
    toms.page.click("a.gw-row")
    toms.page.wait_for_selector("button:has-text('Approve')")
    mine = browsing.page
    for key in ("j", "Enter"):
        mine.keyboard.press(key)
    mine.wait_for_selector("#lead")
    mine.keyboard.press("a")
    mine.wait_for_selector("button:has-text('Yes, approve'):focus")
    mine.keyboard.press("Enter")
    mine.wait_for_selector("#taken :text('takes effect in')")
    toms.page.wait_for_selector("#decision:has-text('Approve by maria')")
    assert toms.page.locator("button:has-text('Approve')").count() == 0
    mine.keyboard.press("u")
    toms.page.wait_for_selector("button:has-text('Approve')")
    assert browsing.trouble + toms.trouble == []
