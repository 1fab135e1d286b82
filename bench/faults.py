"""Breaks the gateway while orders run through it, and checks that nobody pays twice and nothing is lost.

`python -m bench.faults --orders 2000 --kills 500 --seed 1`
`python -m bench.faults --scenario all --orders 300 --seed 1`

Starts a PostgreSQL cluster and a Redis of its own, a provider simulator that counts effects, and the gateway as in
production: a web process, two prefork workers, a scheduler. Exit code 1 where an invariant does not hold.

kills      SIGKILL for workers at random: their processes, whole workers, now and then the web process or the scheduler
redis      Redis killed with all that is in it, stopped for seconds, flushed, frozen
postgres   every connection cut off; the server restarted, crashed, stopped for seconds
double     every task message delivered twice and out of order
scheduler  two schedulers at once, and none for a while
clock      clocks of workers, scheduler and web stepped an hour forth and back
database-clock  the database's clock stepped up to 20 s forth and back; needs libfaketime, so it is not of `all`
replica    the replica that lists are read from stands still, is cut off, crashes
failover   the primary killed and its synchronous replica promoted, again and again, each time with a new replica
failover-behind  once, to a replica that was a second behind: what is lost; not of `all`, since it breaks promises
hosts      two hosts of a web process, a worker and a scheduler each, by turns killed whole
provider   the provider slow, flaky, wrong, and gone
small      one of each of these kinds in one world, workers killed all the while, with every message twice: a minute

A share of the orders (--mixed, percent) runs through a chain of every kind of step, bench/mixed.py, in place of the
fixture's; bench/people.py sends its signals, cancels orders, and answers incidents after a look at the provider.

Recovery is the time from the moment when what was broken is back until another run has ended.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence

from bench.breaking import Options
from bench.invariants import Verdict
from bench.scenarios import SCENARIOS
from bench.world import World, world


def main(arguments: Sequence[str] | None = None) -> int:
    given = _arguments(arguments)
    all_of_them = [name for name in SCENARIOS if name not in ("small", "database-clock", "failover-behind")]
    names = all_of_them if given.scenario == "all" else [given.scenario]
    broken = [name for name in names if not _scenario(name, given)]
    print(f"\nseed {given.seed}: " + (f"BROKEN: {', '.join(broken)}" if broken else "all invariants hold"))
    return 1 if broken else 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenario", choices=[*SCENARIOS, "all"], default="kills")
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=500, help="at least so many, in the scenario kills")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--pause", type=float, default=0.35, help="mean seconds between kills")
    parser.add_argument("--rate", type=float, default=8, help="orders per second in the other scenarios")
    parser.add_argument("--mixed", type=int, default=10, help="percent of the orders with every kind of step")
    parser.add_argument("--mode", type=json.loads, default={}, help="JSON, changes the provider's own faults")
    parser.add_argument(
        "--pooled", action="store_true", help="behind PgBouncer in transaction mode ($PGBOUNCER: which)"
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and database files")
    return parser.parse_args(arguments)


def _scenario(name: str, given: argparse.Namespace) -> bool:
    print(f"\n== {name}: {given.orders} orders, seed {given.seed}", flush=True)
    scenario = SCENARIOS[name]
    options = Options(kills=given.kills, pause=given.pause, rate=given.rate)
    with world(
        seed=given.seed,
        total=given.orders,
        prepare=scenario.prepare,
        mode=given.mode,
        mixed=given.mixed,
        keep=given.keep,
        replica=scenario.replica,
        pooled=given.pooled,
    ) as here:
        here.say("everything is up")
        try:
            scenario.run(here, options)
            here.storefront.join()
            quiet = here.wait_quiet()
        except TimeoutError as error:
            print(f"VIOLATION: {error}")
            return False
        verdict = _repaired(here)
        _summary(here, name, verdict, quiet)
    return not verdict.violations


def _repaired(here: World) -> Verdict:
    """The verdict: before the last of what is parked was looked after, and once nothing is left."""
    with here.people.still:
        here.wait_quiet()
        before = here.judge(trail=False)
    if before.parked:
        here.say(f"parked, waiting for a person: {dict(before.parked)}")
        here.resume_parked()
        here.say("resumed by the API")
        here.wait_quiet()
    after = here.judge()
    after.violations += before.violations
    after.parked = before.parked
    after.in_doubt, taken = here.place_again()
    after.violations += taken
    return after


def _summary(here: World, name: str, verdict: Verdict, quiet: float) -> None:
    stats, counts = here.provider.ask("/stats"), here.storefront.counts
    rows: dict[str, object] = {
        "seed": here.seed,
        "orders accepted": f"{len(here.storefront.answers)} of {here.total}",
        "orders by status": _told(verdict.statuses),
        "left in doubt by a person": verdict.in_doubt,
        "parked at the end, by reason": _told(verdict.parked) or "none",
        "lists": _lists(here),
        "people": _told(here.people.counts) or "none",
        "killed": f"{sum(here.kills.values())} ({_told(here.kills)})",
        "ended by themselves": _told(here.exits) or "none",
        "provider: calls, effects, repeats": f"{stats['calls']}, {stats['effects']}, {stats.get('repeats', 0)}",
        "provider: faults": _told(
            {key: stats.get(key, 0) for key in ("flaky", "wrong", "hung_up", "declined", "locked")}
        ),
        "sent again by the storefront": _told(counts) or "never",
        "quiet after the last order": f"{quiet:.1f} s",
        "whole scenario": f"{time.monotonic() - here.started:.1f} s",
    }
    width = max(map(len, rows))
    print(f"\n-- {name}")
    for title, value in rows.items():
        print(f"{title:<{width}}  {value}")
    for what, seconds in here.recoveries.items():
        told = f"{statistics.median(seconds):.2f} s, at worst {max(seconds):.2f} s, {len(seconds)} times"
        print(f"{'recovery after':<{width}}  {what}: {told}")
    for sentence in verdict.violations[:20]:
        print(f"VIOLATION: {sentence}")
    print(f"{'invariants':<{width}}  {'VIOLATED' if verdict.violations else 'hold'}", flush=True)


def _lists(here: World) -> str:
    if here.lists is None:
        return "not read"
    return f"{_told(here.lists.counts)}; {len(here.lists.missing)} without an order that was answered before"


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count)


if __name__ == "__main__":
    sys.exit(main())
