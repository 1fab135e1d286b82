"""What scenarios are made of: faults, the load that goes on beside them, and what must be so afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.gateway import Gateway
from bench.services import wait_for
from bench.world import World


@dataclass(frozen=True)
class Options:
    kills: int
    pause: float
    rate: float


@dataclass(frozen=True)
class Scenario:
    run: Callable[[World, Options], None]
    prepare: Callable[[Gateway], None] = lambda gateway: None
    replica: bool = False


@dataclass(frozen=True)
class Fault:
    """Something is broken for so many seconds and mended; `after` looks at what only time shows, and clears up.

    `small`: it is part of the scenario of that name.
    """

    what: str
    act: Callable[[World, float], None]
    seconds: float = 0
    after: Callable[[World], None] = lambda here: None
    small: bool = True


def endure(here: World, fault: Fault) -> None:
    with here.outage(fault.what):
        fault.act(here, fault.seconds)
    fault.after(here)


def rounds_of(faults: tuple[Fault, ...], pause: float) -> Callable[[World, Options], None]:
    """One fault after the other, over and over, as long as orders come in."""

    def run(here: World, options: Options) -> None:
        load(here, options)
        while here.storefront.busy:
            for fault in faults:
                time.sleep(pause)
                endure(here, fault)
        nobody_is_deaf(here)

    return run


def load(here: World, options: Options) -> None:
    begin = time.monotonic()
    here.storefront.pace = lambda number: number <= (time.monotonic() - begin) * options.rate
    here.storefront.start()


def nobody_is_deaf(here: World) -> None:
    """Each worker must still take messages (celery/celery#10205): its log grows with the sweeps."""
    here.supervise()
    here.gateway.wait_ready()
    for part in here.gateway.named("worker"):
        size = part.log.stat().st_size
        wait_for(
            lambda part=part, size=size: part.log.stat().st_size > size, 60, f"{part.name} taking messages"
        )
