"""What a browser or client calls itself, in a few words: "Chrome 126 on Linux" for two lines of history."""

from __future__ import annotations

import re

MOST = 40
# The first that is found counts: those further down are named by those above them, too.
BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"\b(?:OPR|OPT)/(\d+)")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d+)")),
    ("Vivaldi", re.compile(r"\bVivaldi/(\d+)")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"\b(?:HeadlessChrome|Chrome|CriOS|Chromium)/(\d+)")),
    ("Safari", re.compile(r"\bVersion/(\d+)\S* (?:Mobile/\S+ )?Safari/")),
)
SYSTEMS = (
    ("Windows", re.compile(r"\bWindows\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("macOS", re.compile(r"\bMac(?:intosh|OS| OS X)\b")),
    ("Linux", re.compile(r"\bLinux\b|\bX11\b")),
)
PRODUCT = re.compile(r"([A-Za-z][\w.-]*)/v?(\d[\w.]*)")


def agent_short(agent: str) -> str:
    """The browser with its version and the system; of a program its own name; else the beginning of the text."""
    if browser := _browser(agent):
        system = next((name for name, sign in SYSTEMS if sign.search(agent)), "")
        return f"{browser} on {system}" if system else browser
    program = None if agent.startswith("Mozilla/") else PRODUCT.match(agent)
    short = f"{program[1]} {program[2]}" if program else agent
    return short if len(short) <= MOST else short[: MOST - 1].rstrip() + "…"


def _browser(agent: str) -> str:
    found = ((name, sign.search(agent)) for name, sign in BROWSERS)
    return next((f"{name} {version[1]}" for name, version in found if version), "")
