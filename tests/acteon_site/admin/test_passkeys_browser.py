"""Passkeys in a real browser, with an authenticator that the browser itself plays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page

from acteon_site.access.people import groups_ensure
from acteon_site.access.requirements import group_two_steps_set
from acteon_site.models import PersonAct, SecondStep
from tests.browsing import CHROMIUM, chromium

PASSWORD = "a long enough password"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.django_db(transaction=True),
]


class Browser:
    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.trouble: list[str] = []
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.send("WebAuthn.enable")
        self.authenticator = self._added()

    def _added(self) -> str:
        kind = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
        }
        options = {**kind, "isUserVerified": True, "automaticPresenceSimulation": True}
        added = self._devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return str(added["authenticatorId"])

    def authenticate(self, command: str, **what: Any) -> Any:
        return self._devtools.send(f"WebAuthn.{command}", {"authenticatorId": self.authenticator, **what})

    def credentials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.authenticate("getCredentials")["credentials"]
        return found

    def first_step(self) -> None:
        self.page.context.clear_cookies()
        self.page.goto(f"{self.base}/admin/")
        self.page.fill("input[name=username]", "maria")
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("button[type=submit]")

    def use_passkey(self) -> None:
        self.page.click("button[data-passkey=get]")

    def is_in(self) -> bool:
        """On the home page, which a stranger is not shown."""
        self.page.wait_for_url(f"{self.base}/admin/")
        self.page.wait_for_selector("#approvals")
        return True


@pytest.fixture
def maria(transactional_db: None) -> Iterator[User]:
    """Her group asks for two steps. Made, and looked at, while no browser is there: its loop forbids the ORM."""
    groups_ensure()
    group = Group.objects.get(name="approver")
    group_two_steps_set(group=group, required=True)
    maria = User.objects.create_user("maria", password=PASSWORD, is_staff=True)
    maria.groups.add(group)
    yield maria
    (step,) = SecondStep.objects.filter(user=maria, kind=SecondStep.Kind.PASSKEY)
    assert (step.name, step.counter > 0) == ("work laptop", True)
    assert PersonAct.objects.filter(username="maria", what="signed in").count() == 2


@pytest.fixture
def browser(maria: User, live_server: Any) -> Iterator[Browser]:
    with chromium() as started:
        yield Browser(started.new_page(), live_server.url)


def test_a_passkey_is_made_signs_in_and_a_copy_of_it_does_not(browser: Browser) -> None:
    page = browser.page
    browser.first_step()
    page.fill("#passkey-name", "work laptop")
    page.click("button[data-passkey=create]")
    page.wait_for_selector("text=recovery codes")
    (made,) = browser.credentials()
    assert made["rpId"] == "localhost"

    browser.first_step()
    browser.authenticate("setAutomaticPresenceSimulation", enabled=False)
    browser.authenticate("setUserVerified", isUserVerified=False)
    page.goto(f"{browser.base}/admin/orders_app/approval/")
    assert "/login/" in page.url, "between the steps she is nobody yet"

    browser.authenticate("setUserVerified", isUserVerified=True)
    browser.authenticate("setAutomaticPresenceSimulation", enabled=True)
    browser.first_step()
    browser.use_passkey()
    assert browser.is_in()

    (used,) = browser.credentials()
    assert used["signCount"] > made["signCount"]
    browser.authenticate("removeCredential", credentialId=made["credentialId"])
    browser.authenticate("addCredential", credential={**used, "signCount": 0})
    browser.first_step()
    browser.use_passkey()
    page.wait_for_selector("#passkey-problem:has-text('did not prove itself')")
    page.goto(f"{browser.base}/admin/orders_app/approval/")
    assert "/login/" in page.url
    assert browser.trouble == []
