"""What browsers are told of our answers, and that the pages work under it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse
from playwright.sync_api import Browser, Page, ViewportSize
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from acteon_site.http import browsers
from chains_app.models import ChainDefinition, Run
from chains_app.services.advance import runs_sweep
from orders_app.models import Hold, Order
from rules_app.models import Rule
from tests.browsing import CHROMIUM, chromium, visitor
from tests.people import HIGH, People, always_open
from tests.world import Shop, load_shop

SUPERUSER = RequestFactory().get("/")
SUPERUSER.user = User(is_superuser=True, is_staff=True)
PHONE, DESK = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=800)
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()


def policy_of(answer: Any) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, _, sources in parts}


@pytest.fixture
def pages(transactional_db: None) -> dict[str, str]:
    """The path of each page by what it is; Django's client and the browser see the same."""
    load_shop()
    always_open()
    shop = Shop()
    shop.place(payload={"order_id": "small-1", "total_cents": 1000})
    runs_sweep()
    pending = shop.place(payload=HIGH)["PendingApproval"]
    run = Run.objects.filter(kind="chain").first()
    assert run is not None

    def change(name: str, row: Any) -> str:
        return reverse(f"admin:{name}_change", args=[row.pk])

    link = urlsplit(pending["approve_url"])
    return {
        "home": reverse("admin:index"),
        "order": change("orders_app_order", Order.objects.get(fingerprint="small-1")),
        "approval": change("orders_app_approval", Hold(pk=pending["approval_id"])),
        "rule": change("rules_app_rule", Rule.objects.first()),
        "chain": change("chains_app_chaindefinition", ChainDefinition.objects.first()),
        "run": change("chains_app_run", run),
        "swagger": "/swagger-ui/",
        "link": f"{link.path}?{link.query}",
    }


@pytest.fixture
def all_pages(pages: dict[str, str]) -> list[str]:
    names = [*admin_pages("changelist"), *admin_pages("add")]
    return [*pages.values(), *(reverse(f"admin:{name}") for name in names)]


def admin_pages(kind: str) -> Iterator[str]:
    """The names of all lists, or of all forms for something new."""
    for model, page in admin.site._registry.items():
        if kind != "add" or page.has_add_permission(SUPERUSER):
            yield f"{model._meta.app_label}_{model._meta.model_name}_{kind}"


@pytest.fixture
def boss(transactional_db: None) -> Client:
    return People().client()


def test_no_page_may_be_framed_or_run_a_script_that_stands_in_it(pages: dict[str, str], boss: Client) -> None:
    for name, path in pages.items():
        answer = boss.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200, name
        policy = policy_of(answer)
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'", name
        assert "unsafe-inline" not in policy.get("script-src", "") + policy["style-src"], name
        assert answer.headers["Referrer-Policy"] == ("no-referrer" if name == "link" else "same-origin")
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_only_the_admins_own_library_may_evaluate(pages: dict[str, str], boss: Client) -> None:
    for name, path in pages.items():
        policy = policy_of(boss.get(path, headers={"Accept": "text/html"}))
        assert ("'unsafe-eval'" in policy.get("script-src", "")) == path.startswith("/admin/"), name


def test_no_script_stands_in_a_page_and_only_styles_that_are_allowed(
    all_pages: list[str], boss: Client
) -> None:
    """Where it fails after a library's release: look at the style, then allow its hash in browsers.py."""
    unknown = set()
    for path in all_pages:
        answer = boss.get(path, headers={"Accept": "text/html"})
        page = answer.content.decode()
        assert not re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>|<[^>]+\son[a-z]+=", page), (
            path
        )
        for style in re.findall(r"<style[^>]*>(.*?)</style>", page, re.S):
            allowed = f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
            if allowed not in policy_of(answer)["style-src"].split():
                unknown.add((path, allowed, style.strip()[:80]))
    assert unknown == set()


def test_whatever_is_no_page_may_do_nothing_in_a_browser(shop: Shop) -> None:
    for path in ("/v1/rules", "/health", "/v1/nothing", "/static/acteon_site/favicon.svg"):
        answer = shop.client.get(path)
        assert answer.headers["Content-Security-Policy"] == browsers.written(browsers.DATA), path


# In a browser


class Tour:
    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.trouble: list[str] = []
        page.on(
            "console",
            lambda said: self.trouble.append(f"{page.url} {said.text}") if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: self.trouble.append(str(error)))

    def visit(self, path: str) -> None:
        self.page.goto(self.base + path, wait_until="load")

    def barriers(self) -> list[tuple[str, str, list[str]]]:
        """What axe finds of the page, and what of it a narrow screen would have to be moved sideways for."""
        self.page.evaluate(AXE)
        found = self._axe("light", "document", {})
        # The menu is the same on each page: its colours in the dark are seen once, at home.
        inside = (
            "document.querySelector('#main-part') ?? document" if "/admin/" in self.page.url else "document"
        )
        part = "document" if urlsplit(self.page.url).path == reverse("admin:index") else inside
        found += self._axe("dark", part, {"runOnly": ["color-contrast"]})
        self.page.set_viewport_size(PHONE)
        try:  # the page arranges itself anew
            self.page.wait_for_function("document.documentElement.scrollWidth <= innerWidth", timeout=20_000)
        except PlaywrightTimeoutError:
            found.append((self.page.url, "wider than a phone", []))
        self.page.set_viewport_size(DESK)
        return found

    def _axe(self, scheme: str, part: str, options: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
        self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        run = f"given => axe.run({part}, {{resultTypes: ['violations'], ...given}})"
        found = self.page.evaluate(run, options)
        return [
            (self.page.url, f"{one['id']} ({scheme})", [node["html"][:200] for node in one["nodes"]])
            for one in found["violations"]
        ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def tour(pages: dict[str, str], boss: Client, live_server: Any, browser: Browser) -> Iterator[Tour]:
    assert User.objects.get().is_superuser
    with visitor(browser, live_server.url, boss.cookies["sessionid"].value) as context:
        yield Tour(context.new_page(), live_server.url)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_no_page_does_what_its_policy_forbids_or_shuts_anybody_out(all_pages: list[str], tour: Tour) -> None:
    """axe finds nothing of any grade: light, its colours in the dark too, and nothing wider than a phone is lost."""
    found: list[tuple[str, str, list[str]]] = []
    for path in dict.fromkeys([*all_pages, reverse("find"), f"{reverse('find')}?q=small-1"]):
        tour.visit(path)
        if path != "/swagger-ui/":  # another's page, whole
            found += tour.barriers()
    tour.page.context.clear_cookies()
    tour.visit(reverse("admin:login"))
    found += tour.barriers()
    assert not found, "\n".join(map(str, found))
    assert tour.trouble == []


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_the_pages_work_under_their_policy(pages: dict[str, str], tour: Tour) -> None:
    tour.visit(pages["swagger"])
    tour.page.click("#operations-health-get_health button.opblock-summary-control")
    tour.page.click("button:has-text('Try it out')")
    tour.page.click("button:has-text('Execute')")
    tour.page.wait_for_selector('.responses-inner:has-text(\'"status": "ok"\')')
    tour.visit(pages["link"])
    tour.page.click("button:has-text('Approve')")
    assert "This order is approved" in tour.page.inner_text("main")
    tour.visit(pages["home"])
    colour = "getComputedStyle(document.documentElement).getPropertyValue('--color-primary-600')"
    assert "54.6%" in tour.page.evaluate(colour)
    assert tour.trouble == []


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_script_that_was_smuggled_into_a_page_does_not_run(pages: dict[str, str], tour: Tour) -> None:
    for name in ("home", "swagger", "link"):
        tour.visit(pages[name])
        tour.page.evaluate(
            """() => {
                const script = document.createElement('script');
                script.text = 'window.smuggled = true';
                document.body.append(script);
                document.body.insertAdjacentHTML('beforeend', '<img src="x:" onerror="window.smuggled = true">');
            }"""
        )
        tour.page.wait_for_timeout(200)
        assert tour.page.evaluate("window.smuggled") is None, name
    assert any("Content Security Policy" in said for said in tour.trouble)
