"""One of five webhook providers hangs for its whole timeout: what chains lose that have nothing to do with it."""

from __future__ import annotations

import time

from bench.rows.chains import CHAIN, SETTLE_SECONDS, WAITING, fill, start, throughput
from bench.rows.row import Measured
from bench.shop import STALLED
from bench.site import Prepared, Running, Site

FOREVER = 3600.0
ANSWER_SECONDS = 0.1
TYPES = ("place_order",) * 9 + ("place_stalled_order",)  # one in ten wants the provider that hangs
AT_LEAST_SECONDS = 20  # twice the time that a call to it is waited for


def beside(site: Site, seconds: float) -> Measured:
    """Both on the same orders: first that provider answers as all others do, then it hangs."""
    mixed = site.prepared("mixed", _fill_mixed)
    alone = _completed(site, mixed, seconds, ANSWER_SECONDS)
    beside = _completed(site, mixed, seconds, FOREVER)
    rate, usual = beside.figures["chains/s"], alone.figures["chains/s"]
    figures = {
        "chains/s beside it": rate,
        "chains/s without": usual,
        "part that is left": rate / usual if usual else 0.0,
    }
    return Measured(figures, alone.errors + beside.errors, alone.sample or beside.sample, beside.notes)


def _fill_mixed(running: Running) -> None:
    fill(running, WAITING, TYPES)


def _completed(site: Site, mixed: Prepared, seconds: float, stalled_seconds: float) -> Measured:
    with site.running(web=0, on=mixed) as running, running.connect() as connection:
        running.provider.delay("*", ANSWER_SECONDS)
        running.provider.delay(STALLED, stalled_seconds)
        start(site, running, connection)
        time.sleep(SETTLE_SECONDS)
        return throughput(connection, CHAIN, max(seconds, AT_LEAST_SECONDS))
