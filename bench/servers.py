"""Faults past one machine: the replica, the primary, whole hosts."""

from __future__ import annotations

import time

from bench.breaking import Fault, Options, load, nobody_is_deaf
from bench.gateway import HOSTS, Gateway
from bench.services import wait_for
from bench.world import World


def failover(here: World, options: Options) -> None:
    """A commit is answered once both have it, so what dies with the primary was promised to nobody."""
    load(here, options)
    while here.storefront.busy:
        here.postgres.wait_for_replica()
        time.sleep(5)
        with here.outage("primary killed, replica promoted"):
            here.fail_over()
        here.supervise()
        here.follow_anew()
        lag = here.gateway.replica()
        here.say(f"a new replica; the gateway says of it: {lag}")
    nobody_is_deaf(here)


def _replica_stopped(here: World, seconds: float) -> None:
    replica = here.servers[1]
    replica.stop("immediate")
    time.sleep(seconds)
    replica.start()


def _replay_paused(here: World, seconds: float) -> None:
    """It receives all and shows none of it."""
    with here.servers[1].connect() as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
        time.sleep(seconds)
        connection.execute("SELECT pg_wal_replay_resume()")


def _replica_cut_off(here: World, seconds: float) -> None:
    with here.postgres.silent():
        time.sleep(seconds)


def _replica_is_used(here: World) -> None:
    before = here.scans_of_the_replica()
    wait_for(lambda: here.scans_of_the_replica() > before, 30, "lists from the replica again")


REPLICA = (
    Fault("the replica's replay stands still", _replay_paused, 3, after=_replica_is_used),
    Fault("the replica receives nothing", _replica_cut_off, 3, after=_replica_is_used),
    Fault("the replica crashed", _replica_stopped, 2, after=_replica_is_used),
)
BEHIND_SECONDS = 1.0


def failover_behind(here: World, options: Options) -> None:
    """What an asynchronous replica has not received dies with the primary. Says how much, and whether all goes on."""
    load(here, options)
    wait_for(lambda: len(here.storefront.answers) > here.total / 2, 120, "half of the orders")
    with here.postgres.silent():
        time.sleep(BEHIND_SECONDS)
        accepted = set(here.storefront.answers)
        with here.outage(f"primary killed, a replica that was {BEHIND_SECONDS:.0f} s behind promoted"):
            here.fail_over()
    with here.connect() as connection:
        known = {name for (name,) in connection.execute("SELECT action_id FROM orders_app_action")}
    here.say(f"LOST: {len(accepted - known)} of {len(accepted)} accepted orders")


def _host_killed(here: World, seconds: float) -> None:
    """Everything of one host at once, as when its power goes."""
    host = here.random.choice(HOSTS)
    for part in here.gateway.parts.values():
        if part.name.endswith(host):
            part.kill()
            here.kills[f"process of host {host}"] += 1
    time.sleep(seconds)
    here.gateway.revive()


HOST = (Fault("one of two hosts gone", _host_killed, 5), Fault("a host restarted", _host_killed))


def two_hosts(gateway: Gateway) -> None:
    gateway.hosts = HOSTS
