"""What is done to the gateway in each scenario. Every one drives the storefront's load to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

from bench.breaking import Fault, Options, Scenario, load, nobody_is_deaf, rounds_of
from bench.gateway import ROOT, Gateway
from bench.servers import HOST, REPLICA, failover, failover_behind, two_hosts
from bench.services import wait_for
from bench.world import World

HOUR = 3600
MOST_WAITING = 150


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


def double(here: World, options: Options) -> None:
    load(here, options)
    here.storefront.join()


def small(here: World, options: Options) -> None:
    """Each fault once and shortly, every one in the midst of its share of the orders, and workers killed with it."""
    faults = [fault for kind in FAULTS.values() for fault in kind if fault.small]
    done = 0
    here.storefront.pace = lambda number: number * len(faults) <= (done + 1) * here.total
    here.storefront.start()
    for fault in faults:
        time.sleep(here.random.expovariate(5))
        _kill_something(here)
        here.gateway.revive()
        with here.outage(fault.what):
            fault.act(here, fault.seconds * 0.2)
            done += 1  # the next orders come once all is well, so that something can go on
        fault.after(here)
    nobody_is_deaf(here)


def _redis_restarted(here: World, seconds: float) -> None:
    here.redis.stop()
    time.sleep(seconds)
    here.redis.start()


def _redis_flushed(here: World, seconds: float) -> None:
    here.redis.client().flushall()


def _redis_frozen(here: World, seconds: float) -> None:
    here.redis.freeze()
    time.sleep(seconds)
    here.redis.thaw()


REDIS = (
    Fault("Redis killed, all messages lost, started at once", _redis_restarted),
    Fault("Redis stopped", _redis_restarted, 6),
    Fault("Redis flushed", _redis_flushed),
    Fault("Redis frozen", _redis_frozen, 8),
)


def _backends_terminated(here: World, seconds: float) -> None:
    here.postgres.terminate_backends()


def _postgres_restarted(here: World, seconds: float) -> None:
    here.postgres.stop("fast")
    time.sleep(seconds)
    here.postgres.start()


def _postgres_crashed(here: World, seconds: float) -> None:
    here.postgres.stop("immediate")
    here.postgres.start()


CUT_OFF = Fault("every connection to PostgreSQL cut off", _backends_terminated)
POSTGRES = (
    CUT_OFF,
    replace(CUT_OFF, small=False),
    replace(CUT_OFF, small=False),
    Fault("PostgreSQL restarted", _postgres_restarted),
    Fault("PostgreSQL crashed and recovered", _postgres_crashed),
    Fault("PostgreSQL stopped", _postgres_restarted, 8, small=False),
)


def _deliver_twice(gateway: Gateway) -> None:
    gateway.duplicate = True


def _one_scheduler_killed(here: World, seconds: float) -> None:
    here.gateway.parts["beat1"].kill()
    time.sleep(seconds)
    here.gateway.parts["beat1"].start()


def _no_scheduler(here: World, seconds: float) -> None:
    for part in here.gateway.named("beat"):
        part.kill()
    time.sleep(seconds)
    here.gateway.revive()


SCHEDULER = (
    Fault("one of two schedulers killed", _one_scheduler_killed, 3),
    Fault("no scheduler", _no_scheduler, 10),
)


def _two_schedulers(gateway: Gateway) -> None:
    gateway.beats = 2


# Whose clock goes wrong, by how much.
STEPS: tuple[tuple[str, dict[str, int]], ...] = (
    ("scheduler stepped an hour back", {"beat1": -HOUR}),
    ("scheduler stepped an hour forth", {"beat1": HOUR}),
    ("one worker stepped an hour forth", {"worker1": HOUR}),
    ("one worker an hour forth, the other back", {"worker1": HOUR, "worker2": -HOUR}),
    ("both workers stepped an hour forth", {"worker1": HOUR, "worker2": HOUR}),
    ("both workers stepped an hour back", {"worker1": -HOUR, "worker2": -HOUR}),
    ("web stepped an hour forth", {"web": HOUR}),
    ("web stepped an hour back", {"web": -HOUR}),
    (
        "every clock an hour off, each its own way",
        {"worker1": HOUR, "worker2": -HOUR, "web": HOUR, "beat1": -HOUR},
    ),
)


def _stepped(what: str, steps: dict[str, int]) -> Fault:
    """The clock of a living process is stepped, and stepped back after a while."""

    def act(here: World, seconds: float) -> None:
        for name, by in steps.items():
            _set_clock(here.gateway, name, by)

    def after(here: World) -> None:
        _sweeps_go_on(here, what)
        for name in steps:
            _set_clock(here.gateway, name, 0)

    return Fault(what, act, after=after, small=len(steps) > 2)


CLOCK = tuple(_stepped(what, steps) for what, steps in STEPS)


def _sweeps_go_on(here: World, what: str) -> None:
    """Rings hide a scheduler that stands still, or sweeps that nobody takes: the canary comes from it alone."""
    with here.postgres.connect() as connection:
        [begin] = connection.execute("SELECT clock_timestamp()").fetchone() or [None]
        ask = "SELECT 1 FROM acteon_site_heartbeat WHERE name = 'worker' AND at > %s + interval '2 seconds'"
        wait_for(lambda: connection.execute(ask, [begin]).fetchone(), 60, f"scheduled tasks, {what}")


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


def _database_stepped(what: str, by: int) -> Fault:
    """The clock that leases, due times and windows go by. It is stepped back after a while."""

    def act(here: World, seconds: float) -> None:
        here.postgres.set_clock(by)
        time.sleep(seconds)
        here.postgres.set_clock(0)

    return Fault(what, act, 5)


# Less than 30 s, by which a lease outlasts its call: a longer step forth has two workers make one call, with one key.
DATABASE_CLOCK = tuple(
    _database_stepped(
        f"the database's clock {abs(by)} s {'forth' if by > 0 else 'back'}, and right again", by
    )
    for by in (2, -2, 20, -20)
)


def database_clock(here: World, options: Options) -> None:
    here.postgres.give_own_clock()
    here.steady_clock = False
    here.supervise()
    here.gateway.wait_ready()
    rounds_of(DATABASE_CLOCK, 3)(here, options)


def _provider_gone(here: World, seconds: float) -> None:
    here.provider.ask("/mode", gone=True)
    time.sleep(seconds)
    here.provider.ask("/mode", gone=False)


def _provider_in_trouble(**trouble: float) -> Callable[[World, float], None]:
    def act(here: World, seconds: float) -> None:
        usual = here.provider.ask("/stats")["mode"]
        here.provider.ask("/mode", **trouble)
        time.sleep(seconds)
        here.provider.ask("/mode", **{name: usual[name] for name in trouble})

    return act


PROVIDER = (
    Fault("provider gone", _provider_gone, 6),
    Fault("half of the calls answered 503", _provider_in_trouble(flaky=0.5), 4, small=False),
    Fault(
        "a third of the calls took effect and answered 500, or nothing",
        _provider_in_trouble(wrong=0.2, hangup=0.15),
        4,
    ),
    Fault(
        "every call slower than its time",
        _provider_in_trouble(slow=1.0, slow_seconds=8.0),
        5,
        small=False,
    ),
)


def _everything(gateway: Gateway) -> None:
    for prepare in (_deliver_twice, _two_schedulers, _own_clocks):
        prepare(gateway)


def _whole_worker_killed(here: World, seconds: float) -> None:
    here.gateway.parts["worker1"].kill()
    here.kills["whole worker"] += 1
    time.sleep(seconds)
    here.gateway.revive()


WORKER = (Fault("a whole worker killed", _whole_worker_killed, 3),)
FAULTS = {
    "worker": WORKER,
    "redis": REDIS,
    "postgres": POSTGRES,
    "scheduler": SCHEDULER,
    "clock": CLOCK,
    "provider": PROVIDER,
}
SCENARIOS = {
    "kills": Scenario(kills),
    "redis": Scenario(rounds_of(REDIS, 3)),
    "postgres": Scenario(rounds_of(POSTGRES, 3)),
    "double": Scenario(double, _deliver_twice),
    "scheduler": Scenario(rounds_of(SCHEDULER, 5), _two_schedulers),
    "clock": Scenario(rounds_of(CLOCK, 2), _own_clocks),
    "database-clock": Scenario(database_clock),
    "provider": Scenario(rounds_of(PROVIDER, 3)),
    "replica": Scenario(rounds_of(REPLICA, 3), replica=True),
    "failover": Scenario(failover, replica=True),
    "failover-behind": Scenario(failover_behind, replica=True),
    "hosts": Scenario(rounds_of(HOST, 4), two_hosts),
    "small": Scenario(small, _everything),
}
