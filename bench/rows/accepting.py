"""How fast orders are accepted: two web processes and no worker, so that nothing else is at work."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from bench.load import Load, put
from bench.rows.row import Measured
from bench.shop import note, order
from bench.site import Running, Site
from bench.wire import Counts, Door, before_commit, door

LOGGED = '"logged": ?true'
ORDERS_COUNTED = 21


def dispatched(site: Site, seconds: float, *, connections: int, keyed: bool = False) -> Measured:
    return _loaded(site, seconds, Load(connections, order(), keyed=keyed))


def bare(site: Site, seconds: float, *, connections: int) -> Measured:
    return _loaded(site, seconds, Load(connections, note(), expected=LOGGED))


def batches(site: Site, seconds: float, *, size: int) -> Measured:
    return _loaded(site, seconds, Load(4, order(), batch=size))


def one(site: Site, seconds: float) -> Measured:
    heard = _loaded(site, seconds, Load(1, order()))
    return replace(heard, figures={"p50 ms": heard.figures["p50 ms"], **heard.figures, **_on_the_wire(site)})


def _on_the_wire(site: Site) -> dict[str, float]:
    """What passes between one web process and PostgreSQL before an order's commit: medians of ORDERS_COUNTED."""
    with door(site.postgres_port) as counting, site.running(web=1, database_port=counting.port) as running:
        counts = [_counted(running, counting, number) for number in range(ORDERS_COUNTED)]
    return {
        "statements before the commit": median(count.statements for count in counts),
        "round trips before the commit": median(count.trips for count in counts),
    }


def _counted(running: Running, counting: Door, number: int) -> Counts:
    with running.client() as client:
        counting.forget()
        client.post("/v1/dispatch", json=order(f"wire-{number}", number)).raise_for_status()
    return before_commit(counting.seen())


def _loaded(site: Site, seconds: float, load: Load) -> Measured:
    with site.running() as running:
        put(load, running.url, running.key, 1)
        return Measured.of(put(load, running.url, running.key, seconds))
