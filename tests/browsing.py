"""A real Chromium: one for all tests of a module, since to start it costs more than most of them do in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from audit_app.api.views_stream import hub

# The shell draws for no screen, which is a third of what the whole browser does here.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
UNSAFE = "DJANGO_ALLOW_ASYNC_UNSAFE"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Playwright's event loop belongs to this thread and stands still whenever a test does anything else: the ORM,
    which refuses to work beside a loop, is told so."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setitem(os.environ, UNSAFE, "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
    # Django's own server reads what a page had streamed to it to the end, which never comes: a process waits for that.
    hub.stop()


@contextmanager
def visitor(browser: Browser, url: str = "", session: str = "") -> Iterator[BrowserContext]:
    """Somebody's windows, with cookies of their own; signed in by a `session` of Django's at `url`."""
    context = browser.new_context()
    context.set_default_timeout(120_000)  # of a busy machine
    if session:
        context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
    yield context
    context.close()
