"""The receivers of the storefront guide, run as they stand, take real deliveries and refuse what is not genuine."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from subscriptions_app.models import Delivery
from subscriptions_app.services.replaying import delivery_resend
from subscriptions_app.services.subscriptions import secret_rotate
from tests.e2e.running import ROOT, free_port
from tests.subscriptions_app.receiving import WHO, happen, sent, subscribe

pytestmark = pytest.mark.django_db
GUIDE = (ROOT / "docs" / "storefronts.md").read_text()
PATIENCE = 60


@contextmanager
def receiving(command: list[str], language: str, secret: str, port: int, folder: Path) -> Iterator[Any]:
    (code,) = re.findall(rf"^```{language} receiver\n(.*?)^```", GUIDE, re.M | re.S)
    script = folder / ("receiver.py" if language == "python" else "receiver.mjs")
    script.write_text(code)
    env = {"WEBHOOK_SECRET": secret, "PORT": str(port), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen([*command, str(script)], env=env, stdout=subprocess.PIPE, text=True)
    pause = threading.Event()
    try:
        for _ in range(PATIENCE * 20):
            with socket.socket() as asking:
                if asking.connect_ex(("127.0.0.1", port)) == 0:
                    break
            pause.wait(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_a_receiver_of_the_guide_takes_each_event_once_also_while_its_secret_is_rotated(
    language: str, settings: Any, tmp_path: Path
) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    node = shutil.which("node")
    if language == "javascript" and node is None:
        pytest.skip("node is not installed")
    port = free_port()
    subscription = subscribe(f"http://127.0.0.1:{port}/hook")
    command = [sys.executable] if language == "python" else [str(node)]
    with receiving(command, language, subscription.secrets["current"], port, tmp_path) as process:
        happen("act-1")
        assert sent() == 1
        secret_rotate(subscription=subscription, source=WHO)
        happen("act-2")
        assert sent() == 1
        delivery_resend(delivery=Delivery.objects.get(order_key="action:act-1"), source=WHO)
        assert sent() == 1
        assert set(Delivery.objects.values_list("status", "last_status")) == {("delivered", 204)}
        forged = httpx.post(f"http://127.0.0.1:{port}/hook", content=b"{}", headers={"webhook-id": "x"})
        assert forged.status_code == 401
        happen("act-3")
        assert sent() == 1
        told = [process.stdout.readline().strip() for _ in range(3)]
    assert told == [f"action_dispatched act-{number}" for number in (1, 2, 3)]
