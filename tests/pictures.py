"""Makes the pictures of docs/: `python -m tests.pictures`. They show a demo as it is served, on an installation of its
own, while the way of a rule (`tests/rules_app/manager_way.py`) is walked; so they show what the tests prove."""

from __future__ import annotations

import argparse
import io
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.browsing import CHROMIUM
from tests.e2e.running import AS_USERS_HAVE_IT, ROOT, Process, background, environment, free_port, wait_until
from tests.rules_app.manager_way import OPEN_HOURS, STEPS, Way

PICTURES = ROOT / "docs" / "pictures"
SIZE: ViewportSize = {"width": 1280, "height": 800}
COLOURS = 256
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--font-render-hinting=none"]
PASSWORD = re.compile(r"^  (manager|admin) +(\S+)", re.M)
EXAMPLES = """examples:
  python -m tests.pictures
  python -m tests.pictures --into /tmp/pictures
  python -m tests.pictures --only conflict --only home

Look at each before you keep it. Needs the system's chromium."""


@dataclass(frozen=True)
class Album:
    """Where pictures are kept. `only`: the names of those that are wanted; none: all."""

    into: Path
    only: Sequence[str] = ()

    def keep(self, name: str, page: Page, part: str = "") -> None:
        """What the page shows now, `part` in its middle. So many colours are enough for it, and make it small."""
        if self.only and name not in self.only:
            return
        page.mouse.move(0, 0)
        if part:
            page.locator(part).evaluate("(part) => part.scrollIntoView({ block: 'center' })")
        page.wait_for_timeout(400)  # until what fades in is there
        whole = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        file = self.into / f"{name}.png"
        few = whole.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(file, optimize=True)
        sys.stdout.write(f"{file}: {file.stat().st_size // 1000} kB\n")


@contextmanager
def demo() -> Iterator[tuple[str, dict[str, str]]]:
    """A demo that has sent its sample orders: its address, and its users' passwords."""
    with tempfile.TemporaryDirectory() as directory:
        env, url = environment(Path(directory), **AS_USERS_HAVE_IT), f"http://127.0.0.1:{free_port()}"
        command = ("manage.py", "demo", "--port", url.rpartition(":")[2])
        with background(env, Path(directory) / "demo.log", *command) as process:
            yield url, wait_until(lambda: _passwords(process), 300)


def _passwords(process: Process) -> dict[str, str]:
    assert process.popen.poll() is None, process.output
    found = dict(PASSWORD.findall(process.output))
    return found if len(found) == 2 else {}


def signed_in(browser: Browser, url: str, name: str, password: str) -> Page:
    page = browser.new_context(viewport=SIZE, color_scheme="light", locale="en-GB").new_page()
    page.goto(f"{url}/admin/login/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/admin/")
    return page


def take(album: Album) -> None:
    with demo() as (url, passwords), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        manager, colleague = (signed_in(browser, url, name, passwords[name]) for name in ("manager", "admin"))
        shop = playwright.request.new_context(base_url=url)
        way = Way(manager, colleague, shop, url, tenant="north-store", shown=album.keep)
        shop_floor(way)
        for step in STEPS:
            step(way)
        browser.close()


def shop_floor(way: Way) -> None:
    """What a manager looks at all day: what waits, one of it, orders as they come, the day added up."""
    for number, cents in enumerate((12_900, 8_450, 93_400, 61_200)):
        payload = {
            "order_id": f"ORD-{7001 + number}",
            "total_cents": cents,
            "currency": "USD",
            "shipping_country": "US",
            "customer_email": "ada@example.com",
            "items": [{"sku": "LAMP-2", "quantity": 1 + number}],
        }
        action = {
            "namespace": "ecommerce",
            "tenant": "acme-store",
            "provider": "payment-gateway",
            "action_type": "place_order",
            "payload": payload,
        }
        answer = way.shop.post(f"{way.url}/v1/dispatch", data=action, headers={"X-Demo-Now": OPEN_HOURS})
        assert answer.ok, answer.text()
    page = way.manager
    page.wait_for_timeout(4000)  # until risks are assessed, and the relay has counted
    way.visit(page, "/admin/orders_app/approval/?sort=value")
    way.shown("approvals", page, "")
    page.click("text=ORD-7003")
    page.wait_for_load_state()
    way.shown("approval", page, "")
    way.visit(page, "/admin/audit_app/liveboard/")
    page.wait_for_selector("#live-newest tr")
    way.shown("live", page, "")
    way.visit(page, "/admin/audit_app/dashboard/")
    way.shown("dashboard", page, "")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.pictures",
        description="Make the pictures of docs/ from a demo that is served, in light colours, 1280 wide.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--into", type=Path, default=PICTURES, metavar="DIR", help="default: docs/pictures")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="may be repeated")
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    take(Album(options.into, options.only))


if __name__ == "__main__":
    main()
