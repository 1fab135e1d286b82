"""A thousand listeners to the stream, five a shop, and 500 orders a second: when an order's event reaches them.

Orders are scheduled ones, so that workers have events to number and no chain to run. They are sent in batches of 25,
and their ids hold the time.
"""

from __future__ import annotations

import re
import statistics
import time
from pathlib import Path

import httpx

from bench.ears import ears
from bench.rows.row import CannotDo, Measured
from bench.services import wait_for
from bench.shop import SHOPS, later
from bench.site import Running, Site

RATE, BATCH = 500, 25
NUMBERED = "SELECT NOT EXISTS (SELECT FROM audit_app_event WHERE number IS NULL)"


def told(site: Site, seconds: float) -> Measured:
    def numbered() -> bool:
        return connection.execute(NUMBERED).fetchone() == (True,)

    with site.running() as running, running.connect() as connection:
        site.start_workers(running)
        running.gateway.wait_ready()
        with running.client() as client:
            send(client, 2)
            without = memory_mb(running)
            wait_for(numbered, 60, "events' numbers")
            with ears(site.directory / "ears.json", running.gateway.port, running.key) as heard:
                rate = send(client, max(seconds, 5))
                wait_for(numbered, 60, "events' numbers")
                time.sleep(2)
                with_them = memory_mb(running)
        delays = heard()
    if len(delays) < 2:
        raise CannotDo("no event came")
    late = statistics.quantiles(delays, n=20)[-1]
    figures = {
        "s from order to event, p95": late,
        "orders/s that were sent": rate,
        "events heard": len(delays),
    }
    return Measured({**figures, "MB a web process": with_them, "MB without listeners": without})


def send(client: httpx.Client, seconds: float) -> float:
    """So many orders a second as RATE says, or as many as are taken."""
    began = time.monotonic()
    sent = 0
    while (now := time.monotonic()) < began + seconds:
        if sent > (now - began) * RATE:
            time.sleep(0.005)
            continue
        batch = [
            later(f"at-{time.time_ns()}-{sent + place}", (sent + place) % SHOPS) for place in range(BATCH)
        ]
        client.post("/v1/dispatch/batch", json=batch).raise_for_status()
        sent += BATCH
    return sent / (time.monotonic() - began)


def memory_mb(running: Running) -> float:
    """Resident, of the largest web process."""
    return max(_resident_kb(pid) for pid in running.web_processes()) / 1024


def _resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]
