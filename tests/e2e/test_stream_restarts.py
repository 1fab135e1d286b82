"""The stream over two web processes while worker, Redis and web are killed and started again.

Who stays connected hears every event once and in order, and so does who goes on elsewhere with Last-Event-ID.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from acteon_site.client.sse import StreamEvent
from bench.gateway import Part
from bench.services import OwnRedis
from tests.e2e.ears import Ear, Traveller
from tests.e2e.installation import Installation, installed, wait_web
from tests.e2e.running import wait_until

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("restarts")) as installation:
        yield installation


# What is heard -------------------------------------------------------------------------------------------------


def completed(names: list[str]) -> Callable[[list[StreamEvent]], bool]:
    return told("chain_completed", names)


def told(type_: str, names: list[str]) -> Callable[[list[StreamEvent]], bool]:
    def there(events: list[StreamEvent]) -> bool:
        return set(names) <= {event.data.get("action_id") for event in list(events) if event.type == type_}

    return there


def assert_every_event_once_and_in_order(system: Installation, start: int, ids: list[int]) -> None:
    stored = system.ask(
        "SELECT number FROM audit_app_event WHERE number > %s AND number <= %s ORDER BY number",
        start,
        ids[-1],
    )
    assert ids == stored == list(range(start + 1, ids[-1] + 1))


def assert_each_run_is_told_as_it_went(events: list[StreamEvent]) -> None:
    """What came of one order after another thing, is told after it."""
    runs: dict[str, list[StreamEvent]] = {}
    for event in events:
        if "chain_id" in event.data and event.type.startswith("chain_"):
            runs.setdefault(event.data["chain_id"], []).append(event)
    assert runs
    for run in runs.values():
        steps = [event.data["step_index"] for event in run if event.type == "chain_step_completed"]
        assert steps == sorted(set(steps))
        ends = [index for index, event in enumerate(run) if event.type == "chain_completed"]
        assert ends in ([], [len(run) - 1])


class Audience:
    """Two who stay, one at each web process, and two who are torn away while something is down."""

    def __init__(self, system: Installation) -> None:
        self.system = system
        self.start = system.head()
        key = system.gateway.key
        self.stay = [Ear(url, key, self.start) for url in system.urls]
        self.soon, self.late = (Traveller(system.urls[0], key, self.start) for _ in range(2))

    def begin(self) -> list[str]:
        """Orders of which those who will be torn away have heard the beginning."""
        orders = self.system.place(3)
        wait_until(lambda: self.soon.ids and self.late.ids)
        return orders

    def tear_away(self) -> None:
        self.soon.leave()
        self.late.leave()

    def assert_all_heard(self, there: Callable[[list[StreamEvent]], bool]) -> None:
        for ear in self.stay:
            ear.wait_for(there)
            assert ear.connected
            assert_each_run_is_told_as_it_went(ear.events)
        last = min(ear.ids[-1] for ear in self.stay)
        for traveller in (self.soon, self.late):
            wait_until(lambda traveller=traveller: traveller.ids[-1:] >= [last])
        for ids in (*(ear.ids for ear in self.stay), self.soon.ids, self.late.ids):
            assert_every_event_once_and_in_order(self.system, self.start, ids)

    def leave(self) -> None:
        for listener in (*self.stay, self.soon, self.late):
            listener.leave()


@pytest.fixture
def audience(system: Installation) -> Iterator[Audience]:
    listening = Audience(system)
    yield listening
    listening.leave()


# Redis ---------------------------------------------------------------------------------------------------------


@contextmanager
def killed(redis: OwnRedis) -> Iterator[None]:
    """With every message that was in it."""
    redis.stop()
    yield
    redis.start()


@contextmanager
def restarted(redis: OwnRedis) -> Iterator[None]:
    """Its data kept: messages of before come again."""
    redis.client().save()
    redis.stop(signal.SIGTERM)
    yield
    redis.start()


@contextmanager
def flushed(redis: OwnRedis) -> Iterator[None]:
    redis.client().flushall()
    yield
    redis.client().flushall()


@contextmanager
def frozen(redis: OwnRedis) -> Iterator[None]:
    redis.freeze()
    try:
        yield
    finally:
        redis.thaw()


@pytest.mark.parametrize("outage", [killed, flushed, frozen, restarted])
def test_redis_may_go_and_every_event_is_heard_once_and_in_order(
    system: Installation, audience: Audience, outage: Callable[[OwnRedis], AbstractContextManager[None]]
) -> None:
    orders = audience.begin()
    with outage(system.redis):
        audience.tear_away()
        orders += system.place(3)
        audience.soon.go_on_at(system.urls[1])
    back = time.monotonic()
    orders += system.place(3)
    audience.late.go_on_at(system.urls[1])
    audience.assert_all_heard(completed(orders))
    print(f"{outage.__name__}: all heard {time.monotonic() - back:.1f} s after it was back")  # noqa: T201


# The worker ----------------------------------------------------------------------------------------------------


def test_the_worker_may_be_killed_and_every_event_is_heard_once_and_in_order(
    system: Installation, audience: Audience
) -> None:
    under_way = audience.begin()
    system.part("worker1").kill()
    audience.tear_away()
    orders = system.place(3)
    audience.soon.go_on_at(system.urls[1])
    assert not completed(orders)(audience.stay[0].events)
    system.part("worker1").start()
    back = time.monotonic()
    orders += system.place(3)
    audience.late.go_on_at(system.urls[1])
    # A run that was under way is leased to the dead for half a minute; that it was placed is told before.
    dispatched = told("action_dispatched", under_way)
    audience.assert_all_heard(lambda events: completed(orders)(events) and dispatched(events))
    print(f"all heard {time.monotonic() - back:.1f} s after the worker was started")  # noqa: T201


# Web processes -------------------------------------------------------------------------------------------------


def test_a_client_goes_on_at_another_web_process_while_orders_pour_in(
    system: Installation, audience: Audience
) -> None:
    with ThreadPoolExecutor(5) as pool:
        placing = []
        for turn in range(5):
            audience.soon.leave()
            missed = len(audience.stay[0].events)
            placing.append(pool.submit(system.place, 4))
            wait_until(lambda missed=missed: len(audience.stay[0].events) > missed)
            audience.soon.go_on_at(system.urls[turn % 2])
    audience.assert_all_heard(completed([name for placed in placing for name in placed.result()]))


def test_a_web_process_may_be_killed_and_its_clients_go_on_at_the_other(
    system: Installation, audience: Audience
) -> None:
    staying = audience.stay.pop(1)  # it cannot, at a process that is killed
    orders = audience.begin()
    audience.soon.go_on_at(system.urls[1])
    audience.late.go_on_at(system.urls[1])
    system.part("web2").kill()
    wait_until(lambda: not (staying.connected or audience.soon.ear.connected))
    orders += system.place(2, at=system.urls[:1])
    audience.soon.go_on_at(system.urls[0])
    system.part("web2").start()
    wait_web(system.urls[1])
    audience.late.go_on_at(system.urls[1])
    orders += system.place(2)
    audience.assert_all_heard(completed(orders))


# Slow listeners ------------------------------------------------------------------------------------------------

SLOW = 10
BURST = 3000
EVENT_BYTES = 4000
INSERT_EVENTS = """
    INSERT INTO audit_app_event
        (id, type, namespace, tenant, provider, action_type, action_id, chain_id, data, created_at)
    SELECT gen_random_uuid(), 'timeout', 'ecommerce', 'acme-store', '', '', '', '',
        json_build_object('fingerprint', repeat('x', %s)), now()
    FROM generate_series(1, %s)
"""


def resident(part: Part) -> int:
    """Bytes of memory that the process holds."""
    status = Path(f"/proc/{part.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def pour(system: Installation) -> int:
    """Events, faster than anybody reads; answers the last number."""
    last = system.head() + BURST
    with psycopg.connect(system.gateway.database_url) as connection:
        connection.execute(INSERT_EVENTS, (EVENT_BYTES, BURST))
    wait_until(lambda: system.head() >= last)
    return last


def test_who_does_not_read_costs_little_and_is_told_what_it_missed(system: Installation) -> None:
    url, key, start = system.urls[1], system.gateway.key, system.head()
    with ExitStack() as stack:

        def deaf(last_event_id: int | None = None) -> Ear:
            ear = Ear(url, key, last_event_id, reads=False)
            stack.callback(ear.leave)
            return ear

        live = [deaf(start) for _ in range(SLOW)]
        before = resident(system.part("web2"))
        last = pour(system)
        back = [deaf(start) for _ in range(SLOW)]
        quick = Ear(url, key, start)
        stack.callback(quick.leave)
        quick.wait_for(lambda events: len(events) >= BURST)
        each = (resident(system.part("web2")) - before) // (2 * SLOW)
        # Less than a fifth of what each of them has to get.
        assert each < BURST * EVENT_BYTES // 5, f"{each} bytes for each"
        assert_every_event_once_and_in_order(system, start, quick.ids)
        for ear in (live[0], back[0]):
            ear.read()
            # A run whose worker was killed before goes on when its lease is over: its events may come after the last.
            ear.wait_for(lambda events: events[-1:] != [] and int(events[-1].id or -1) >= last)
        assert_told_what_it_missed(live[0], start)
        assert_every_event_once_and_in_order(system, start, back[0].ids)
    print(f"{2 * SLOW} that do not read: {each} bytes each")  # noqa: T201 - shown with -s


def assert_told_what_it_missed(ear: Ear, start: int) -> None:
    """Each gap is told with its size; on a busy machine whoever catches up may fall behind once more."""
    following, skipped = start + 1, []
    for event in ear.events:
        if event.type == "lagged":
            skipped.append(event.data["skipped"])
            following += skipped[-1]
        else:
            assert int(event.id or -1) == following
            following += 1
    assert skipped
    assert min(skipped) > 0
