"""What is done to the gateway in each scenario. Every one drives the storefront's load to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.gateway import ROOT, Gateway
from bench.services import wait_for
from bench.world import World

HOUR = 3600
MOST_WAITING = 150


@dataclass(frozen=True)
class Options:
    kills: int
    pause: float
    rate: float


@dataclass(frozen=True)
class Scenario:
    run: Callable[[World, Options], None]
    prepare: Callable[[Gateway], None] = lambda gateway: None


def kills(here: World, options: Options) -> None:
    """Orders keep pace with the kills, so that both end together."""

    def killed() -> int:
        return here.kills["worker process"] + here.kills["whole worker"]

    here.storefront.pace = lambda number: number * options.kills <= (killed() + 1) * here.total
    here.storefront.start()
    told = 0
    while killed() < options.kills or here.storefront.busy:
        time.sleep(here.random.expovariate(1 / options.pause))
        _let_work_pass(here)
        _kill_something(here)
        here.gateway.revive()
        if killed() - told >= 50:
            told = killed()
            here.say(
                f"{told} kills, {len(here.storefront.answers)} orders accepted, {here.ended()} runs ended"
            )


def _let_work_pass(here: World) -> None:
    """Kills that leave no time to work between them would prove little: at most so many runs may wait."""
    patience = time.monotonic() + 5
    while len(here.storefront.answers) - here.ended() > MOST_WAITING and time.monotonic() < patience:
        time.sleep(0.2)


def _kill_something(here: World) -> None:
    luck = here.random.random()
    worker = here.random.choice(here.gateway.named("worker"))
    if luck < 0.01:
        name = here.random.choice(["web", "beat1"])
        here.gateway.parts[name].kill()
        here.kills[name] += 1
    elif luck < 0.05:
        worker.kill()
        here.kills["whole worker"] += 1
    elif worker.kill_child(here.random):
        here.kills["worker process"] += 1


def _load(here: World, options: Options) -> None:
    begin = time.monotonic()
    here.storefront.pace = lambda number: number <= (time.monotonic() - begin) * options.rate
    here.storefront.start()


def redis(here: World, options: Options) -> None:
    _load(here, options)
    while here.storefront.busy:
        time.sleep(3)
        with here.outage("Redis killed, all messages lost, started at once"):
            here.redis.stop()
            here.redis.start()
        time.sleep(3)
        with here.outage("Redis stopped for 6 s"):
            here.redis.stop()
            time.sleep(6)
            here.redis.start()
        time.sleep(3)
        with here.outage("Redis flushed"):
            here.redis.client().flushall()
        time.sleep(3)
        with here.outage("Redis frozen for 8 s"):
            here.redis.freeze()
            time.sleep(8)
            here.redis.thaw()
    _nobody_is_deaf(here)


def _nobody_is_deaf(here: World) -> None:
    """Each worker must still take messages (celery/celery#10205): its log grows with the sweeps."""
    here.supervise()
    here.gateway.wait_ready()
    sizes = {part.name: part.log.stat().st_size for part in here.gateway.named("worker")}
    time.sleep(15)
    for part in here.gateway.named("worker"):
        if part.log.stat().st_size == sizes[part.name]:
            raise TimeoutError(f"{part.name} takes no messages any more")


def postgres(here: World, options: Options) -> None:
    _load(here, options)
    while here.storefront.busy:
        for _ in range(3):
            time.sleep(2)
            with here.outage("every connection to PostgreSQL cut off"):
                here.postgres.terminate_backends()
        time.sleep(3)
        with here.outage("PostgreSQL restarted"):
            here.postgres.stop("fast")
            here.postgres.start()
        time.sleep(3)
        with here.outage("PostgreSQL crashed and recovered"):
            here.postgres.stop("immediate")
            here.postgres.start()
        time.sleep(3)
        with here.outage("PostgreSQL stopped for 8 s"):
            here.postgres.stop("fast")
            time.sleep(8)
            here.postgres.start()
    _nobody_is_deaf(here)


def double(here: World, options: Options) -> None:
    _load(here, options)
    here.storefront.join()


def _deliver_twice(gateway: Gateway) -> None:
    gateway.duplicate = True


def scheduler(here: World, options: Options) -> None:
    _load(here, options)
    first = here.gateway.parts["beat1"]
    while here.storefront.busy:
        time.sleep(5)
        with here.outage("one of two schedulers killed"):
            first.kill()
            time.sleep(3)
            first.start()
        time.sleep(5)
        with here.outage("no scheduler for 10 s"):
            for part in here.gateway.named("beat"):
                part.kill()
            time.sleep(10)
            here.gateway.revive()


def _two_schedulers(gateway: Gateway) -> None:
    gateway.beats = 2


# Which processes' clock goes wrong, by how much. None: everybody's is right again.
STEPS: tuple[tuple[str, dict[str, int]], ...] = (
    ("scheduler stepped an hour back", {"beat1": -HOUR}),
    ("scheduler stepped an hour forth", {"beat1": HOUR}),
    ("one worker stepped an hour forth", {"worker1": HOUR}),
    ("one worker an hour forth, the other back", {"worker1": HOUR, "worker2": -HOUR}),
    ("both workers stepped an hour forth", {"worker1": HOUR, "worker2": HOUR}),
    ("both workers stepped an hour back", {"worker1": -HOUR, "worker2": -HOUR}),
    ("web stepped an hour forth", {"web": HOUR}),
    ("web stepped an hour back", {"web": -HOUR}),
)


def clock(here: World, options: Options) -> None:
    """The clock of a living process is stepped, and stepped back after a while."""
    _load(here, options)
    while here.storefront.busy:
        for what, steps in STEPS:
            time.sleep(2)
            with here.outage(what):
                for name, seconds in steps.items():
                    _set_clock(here.gateway, name, seconds)
            _sweeps_go_on(here, what)
            for name in steps:
                _set_clock(here.gateway, name, 0)


def _sweeps_go_on(here: World, what: str) -> None:
    """Rings hide a scheduler that stands still, or sweeps that nobody takes: the canary comes from it alone."""
    with here.postgres.connect() as connection:
        [begin] = connection.execute("SELECT clock_timestamp()").fetchone() or [None]
        ask = "SELECT 1 FROM acteon_site_heartbeat WHERE name = 'worker' AND at > %s + interval '2 seconds'"
        wait_for(lambda: connection.execute(ask, [begin]).fetchone(), 20, f"scheduled tasks, {what}")


def _set_clock(gateway: Gateway, name: str, seconds: int) -> None:
    path = gateway.directory / f"{name}.clock"
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{seconds:+d}")
    os.replace(fresh, path)


def _own_clocks(gateway: Gateway) -> None:
    for name in ("web", "worker1", "worker2", "beat1"):
        _set_clock(gateway, name, 0)
        gateway.extra_env[name] = {
            "PYTHONPATH": str(ROOT / "bench" / "stepped_clock"),
            "BENCH_CLOCK": str(gateway.directory / f"{name}.clock"),
        }


def provider(here: World, options: Options) -> None:
    _load(here, options)
    ask = here.provider.ask
    while here.storefront.busy:
        time.sleep(3)
        with here.outage("provider gone for 6 s"):
            ask("/mode", gone=True)
            time.sleep(6)
            ask("/mode", gone=False)
        time.sleep(2)
        with here.outage("half of the calls answered 503 for 4 s"):
            ask("/mode", flaky=0.5)
            time.sleep(4)
            ask("/mode", flaky=0.02)
        time.sleep(2)
        with here.outage("a third of the calls took effect and answered 500, or nothing, for 4 s"):
            ask("/mode", wrong=0.2, hangup=0.15)
            time.sleep(4)
            ask("/mode", wrong=0.01, hangup=0.01)
        time.sleep(2)
        with here.outage("every call slower than its time for 5 s"):
            ask("/mode", slow=1.0, slow_seconds=8.0)
            time.sleep(5)
            ask("/mode", slow=0.05, slow_seconds=0.6)


SCENARIOS = {
    "kills": Scenario(kills),
    "redis": Scenario(redis),
    "postgres": Scenario(postgres),
    "double": Scenario(double, _deliver_twice),
    "scheduler": Scenario(scheduler, _two_schedulers),
    "clock": Scenario(clock, _own_clocks),
    "provider": Scenario(provider),
}
