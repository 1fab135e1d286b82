"""Browsers and clients call themselves at length; people read a few words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteon_site.admin.agents import MOST, agent_short

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
SAID = {
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/126.0.0.0 Safari/537.36": "Chrome 126 on Linux",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/126.0.0.0 Safari/537.36": "Chrome 126 on Linux",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.81": (
        "Edge 126 on Windows"
    ),
    f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/124.0.0.0 Safari/537.36 OPR/110.0.0.0": "Opera 110 on Windows",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/126.0.0.0 Safari/537.36": "Chrome 126 on ChromeOS",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0": "Firefox 127 on Linux",
    "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0": "Firefox 127 on Android",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Safari/605.1.15": "Safari 17 on macOS",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1": "Safari 17 on iPhone",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1": "Chrome 126 on iPhone",
    "curl/8.5.0": "curl 8.5.0",
    "python-requests/2.32.3": "python-requests 2.32.3",
    "Go-http-client/1.1": "Go-http-client 1.1",
    "Firefox/1 x": "Firefox 1",
    "the till in the shop": "the till in the shop",
    "": "",
}


@pytest.mark.parametrize("said", SAID)
def test_a_browser_or_client_is_told_in_a_few_words(said: str) -> None:
    assert agent_short(said) == SAID[said]


@given(st.text(max_size=200))
def test_whatever_it_calls_itself_is_told_in_one_short_line(said: str) -> None:
    assert len(agent_short(said)) <= MOST
