"""The storefront guide's Python and JavaScript are run as they stand; test_commands.py runs its curl."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from chains_app.providers.signing import webhook_signature
from orders_app.contract.outcomes import TRAIL_NAMES
from tests.docs.test_commands import served
from tests.e2e.running import ROOT

GUIDE = (ROOT / "docs" / "storefronts.md").read_text()
SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
BODY = b'{"order_id":"ORD-1"}'


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[dict[str, str]]:
    """One for each language: both send the same order with the same keys."""
    with served(tmp_path) as env:
        yield env


def blocks(language: str) -> str:
    found = re.findall(rf"^```{language} run\n(.*?)^```", GUIDE, re.M | re.S)
    assert len(found) >= 3
    return "\n".join(found)


def run(command: list[str], script: Path, env: Mapping[str, str]) -> str:
    ran = subprocess.run([*command, str(script)], env=dict(env), capture_output=True, text=True, timeout=180)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def signed() -> tuple[str, str]:
    now = int(time.time())
    return str(now), webhook_signature(SECRET, "run-1:charge", now, BODY)


@pytest.mark.embedded
def test_the_python_of_the_guide_works(gateway: dict[str, str], tmp_path: Path) -> None:
    moment, signature = signed()
    check = f"""
received = {{"webhook-id": "run-1:charge", "webhook-timestamp": "{moment}", "webhook-signature": "{signature}"}}
assert is_genuine("{SECRET}", received, {BODY!r}, {moment})
assert not is_genuine("{SECRET}", received, b"other", {moment})
assert not is_genuine("{SECRET}", received, {BODY!r}, {moment} + 301)
"""
    script = tmp_path / "guide.py"
    script.write_text(blocks("python") + check)
    assert "Executed" in run([sys.executable], script, gateway)


@pytest.mark.embedded
def test_the_javascript_of_the_guide_works(gateway: dict[str, str], tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    moment, signature = signed()
    check = f"""
const received = {{"webhook-id": "run-1:charge", "webhook-timestamp": "{moment}", "webhook-signature": "{signature}"}};
expect(isGenuine("{SECRET}", received, '{BODY.decode()}', {moment}), true);
expect(isGenuine("{SECRET}", received, "other", {moment}), false);
expect(isGenuine("{SECRET}", received, '{BODY.decode()}', {moment} + 301), false);
"""
    script = tmp_path / "guide.mjs"
    script.write_text(blocks("javascript") + check)
    assert "Executed" in run([node], script, gateway)


def test_every_outcome_is_explained() -> None:
    table = GUIDE.partition("## Every outcome")[2].partition("\n## ")[0]
    told = set(re.findall(r"^\| `\"?(\w+)\"?` \|", table, re.M))
    assert told == set(TRAIL_NAMES) | {"Grouped"}
