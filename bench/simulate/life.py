"""One seed: a shop opens, for a while things go wrong, then nothing does any more, and all must come to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from structlog.testing import capture_logs

from bench.simulate import checks
from bench.simulate.database import Database, Held
from bench.simulate.people import People
from bench.simulate.processes import Processes
from bench.simulate.providers import Providers, Weather
from bench.simulate.remembered import remembering
from bench.simulate.scheduler import Actor, Memory, NeverEndsError, Scheduler
from bench.simulate.shop import load_configuration
from bench.simulate.stand_ins import standing_in
from bench.simulate.storefront import Storefront

TROUBLE_SECONDS, QUIET_SECONDS, SWEEP_SECONDS = 30.0, 400.0, 5.0
MOST_ORDERS, WORKERS, HELP = 2, 2, 3
UNDER_WAY = ("runs", "holds", "audit rows without a number", "events without a number")
FIRST_STEPS = 300  # among which the crashes fall
# What the code says of what it did not expect.
UNEXPECTED = {
    "run_not_advanced",
    "hold_not_released",
    "request_failed",
    "engine_held_up",
    "call_not_taken",
    "provider_surprise",
    "call_not_prepared",
}


@dataclass
class Lived:
    """What became of a seed. `trace` is the hash of its steps; `told` the steps themselves, where asked for."""

    seed: int
    trace: str = ""
    steps: int = 0
    problems: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


class Broken(Exception):
    """A sentence that must hold does not: from here on nothing is worth looking at."""


class Life:
    def __init__(self, seed: int, database: Database, *, tell: bool = False) -> None:
        self.lived = Lived(seed)
        self.database = database
        self.scheduler = Scheduler(seed, self._switched, database.dies, database.take_back)
        if tell:
            self.scheduler.told = self.lived.told
        self.held = Held(self.scheduler)
        chance = self.scheduler.random
        self.providers = Providers(self.scheduler, Weather.of(chance), self._broken, self._called)
        self.processes = Processes(self.scheduler, self.providers.answer_of)
        self.storefront = Storefront(self.scheduler, self.processes, self._broken)
        self.people = People(self.scheduler, self.processes, self.providers)
        self._numbers = checks.Numbers()
        self._checked = 0
        self._crashes = {chance.randrange(1, FIRST_STEPS) for _ in range(chance.choice((0, 1, 2, 4)))}
        self._dies_calling = chance.choice((0.0, 0.0, 0.2))
        self._freezes = {chance.randrange(1, FIRST_STEPS) for _ in range(chance.choice((0, 0, 1, 2)))}

    def live(self) -> Lived:
        with self._world(), capture_logs() as logs:
            try:
                self._trouble()
                self._quiet()
                self._check()
                self.lived.problems += checks.at_the_end(
                    self.database.observer, self.providers.ledger, self.storefront.accepted
                )
            except (Broken, NeverEndsError) as error:
                self._broken(str(error))
            except Exception as error:  # no actor may raise
                self._broken(f"{type(error).__name__}: {error}")
            finally:
                self._end()
        self.lived.problems += [
            f"unexpected: {log['event']} {log.get('exc_info') or log.get('error', '')}"
            for log in logs
            if log["event"] in UNEXPECTED
        ]
        self.lived.trace, self.lived.steps = self.scheduler.trace, self.scheduler.steps
        return self.lived

    @contextmanager
    def _world(self) -> Iterator[None]:
        with self.database.fresh(), remembering(), standing_in(self.scheduler), self.processes.installed():
            load_configuration()
            yield

    def _trouble(self) -> None:
        chance = self.scheduler.random
        self.scheduler.before_step = self._before_step
        self.processes.start(WORKERS)
        self.storefront.open(chance.randint(1, MOST_ORDERS))
        self.people.come()
        self.scheduler.later(chance.uniform(0, 5), self._sweep_now_and_then)
        while self.scheduler.seconds < TROUBLE_SECONDS and not self._all_is_done():
            self.scheduler.run(self.scheduler.seconds + SWEEP_SECONDS)

    def _all_is_done(self) -> bool:
        """Everybody has his answer, and nothing that came of it is under way."""
        return not self.storefront.waiting and not any(checks.open_work(self.database.observer))

    def _quiet(self) -> None:
        """No more faults; time goes on until nothing is under way."""
        self._crashes, self._freezes, self._dies_calling = set(), set(), 0.0
        self.processes.calm_since, self.providers.weather = self.scheduler.seconds, Weather()
        helped, ends = 0, self.scheduler.seconds + QUIET_SECONDS
        while self.scheduler.seconds < ends:
            if not self._all_is_done():
                self._sweep()
            elif helped == HELP or not self._someone_waits():
                return
            elif not self.providers.on_the_way:  # who looks sooner says of what will be done that it was not
                helped += 1
                self.people.look_after_incidents()
            self.scheduler.run(self.scheduler.seconds + SWEEP_SECONDS)
        work = zip(UNDER_WAY, checks.open_work(self.database.observer), strict=True)
        told = ", ".join(f"{count} {what}" for what, count in work if count)
        self._broken(f"time goes on, and nobody goes on with {told}")

    def _someone_waits(self) -> bool:
        sql = "SELECT EXISTS (SELECT 1 FROM chains_app_incident WHERE resolved_at IS NULL)"
        return bool(self.database.observer.execute(sql).fetchone()[0])

    def _sweep_now_and_then(self) -> None:
        """As the scheduler process rings, which is away for seconds at times."""
        if self.processes.is_calm:
            return
        self._sweep()
        self.scheduler.later(self.scheduler.random.uniform(1, 9), self._sweep_now_and_then)

    def _sweep(self) -> None:
        """Where nothing is under way nothing would be found, which costs as much as to find something."""
        runs, holds, *unnumbered = checks.open_work(self.database.observer)
        wanted = {"chains_app.sweep": runs, "orders_app.sweep": holds, "audit_app.relay": any(unnumbered)}
        for task, is_wanted in wanted.items():
            if is_wanted:
                self.processes.ring(task, [])

    def _before_step(self) -> None:
        if self.held.commits != self._checked:
            self._checked = self.held.commits
            self._check()
        if self.scheduler.steps in self._crashes:
            self.processes.crash(self.scheduler.random.choice(self.processes.all))
        if self.scheduler.steps in self._freezes:
            memory = self.scheduler.random.choice(self.processes.all)
            self.processes.freeze(memory, self.scheduler.random.choice((1, 10, 50)))

    def _called(self, memory: Memory) -> None:
        """Some die with a call in the air: nobody hears what comes back."""
        if self._dies_calling and self.scheduler.random.random() < self._dies_calling:
            after = self.scheduler.random.uniform(0, 0.4)
            self.scheduler.later(after, lambda: self.processes.crash(memory) if memory.alive else None)

    def _check(self) -> None:
        problems = [
            *checks.always(self.database.observer),
            *self._numbers.look(self.database.observer),
        ]
        self.lived.problems += problems
        if self.lived.problems:
            raise Broken(self.lived.problems.pop(0))

    def _broken(self, sentence: str) -> None:
        self.scheduler.note("BROKEN", sentence)
        self.lived.problems.append(sentence)

    def _switched(self, actor: Actor) -> None:
        self.database.give(actor, self.held)

    def _end(self) -> None:
        """Nobody is left who would go on when the next seed lives."""
        self.scheduler.before_step = lambda: None
        self.scheduler.kill_all()
        self.database.look()


def live(seed: int, database: Database, *, tell: bool = False) -> Lived:
    return Life(seed, database, tell=tell).live()
