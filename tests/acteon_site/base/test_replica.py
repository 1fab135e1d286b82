"""A read sees all that was committed before it began, whichever server answers it, and comes from one server only."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from acteon_site.admin.read_only import ReadOnlyAdmin
from acteon_site.base import config_versions, replica
from acteon_site.base.replica import REPLICA, Router, read_whole, replica_state
from acteon_site.models import Heartbeat
from acteon_site.watching.metrics import exposition
from bench.services import OwnPostgres, wait_for
from chains_app.selectors import providers
from rules_app.models import Backtest
from rules_app.services.backtest_run import backtest_run
from rules_app.services.backtests import Asked, backtest_request
from tests.people import People
from tests.world import SCOPE, Shop

pytestmark = pytest.mark.postgres
LISTS = ("audit", "events", "scheduled", "approvals", "chains", "incidents", "dlq", "dlq/stats")
LISTS += ("rules/coverage", "providers/health")
OURS = re.compile(r"\b((?:orders|chains|audit|rules)_app_\w+)")


@contextmanager
def alias(name: str, **settings: Any) -> Iterator[BaseDatabaseWrapper]:
    """A connection by that name to the tests' server, with these settings in place of its own."""
    connections.settings[name] = {**copy.deepcopy(connection.settings_dict), **settings}
    server = connections[name]
    server.ensure_connection = lambda: _connect(server)  # Django's tests allow those that they begin with
    try:
        yield server
    finally:
        connections[name].close()
        del connections[name], connections.settings[name]


def _connect(server: BaseDatabaseWrapper) -> None:
    if server.connection is None:
        with server.wrap_database_errors:
            server.connect()


@pytest.fixture(autouse=True)
def _nothing_is_remembered_of_the_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "_standing", replica._Standing())


class Pair:
    """A primary with a streaming replica, and what is read of them."""

    def __init__(self, directory: Path) -> None:
        self.primary = OwnPostgres(directory)
        self.replica = OwnPostgres(directory, follows=self.primary)
        self.own = self.primary.connect()
        self.own.execute("CREATE TABLE note (number int)")

    def write(self) -> None:
        self.own.execute("INSERT INTO note SELECT coalesce(max(number), 0) + 1 FROM note")

    def read(self) -> tuple[str, int]:
        """Where it was read, and the newest number there."""

        def page() -> tuple[str, int]:
            name = Router().db_for_read(Heartbeat)
            server = connections[REPLICA] if name == REPLICA else replica.connection
            with server.cursor() as cursor:
                cursor.execute("SELECT max(number) FROM note")
                return name, cursor.fetchone()[0]

        return read_whole(page)

    def newest(self) -> int:
        [number] = self.own.execute("SELECT max(number) FROM note").fetchone() or (0,)
        return int(number)

    def replay(self, verb: str) -> None:
        with self.replica.connect() as replaying:
            replaying.execute(f"SELECT pg_wal_replay_{verb}()")

    def stop(self) -> None:
        self.own.close()
        for server in (self.replica, self.primary):
            server.stop("immediate")


@pytest.fixture(scope="module")
def clusters() -> Iterator[Pair]:
    with TemporaryDirectory(prefix="acteon-pair-") as name:  # pytest's own are closed to the user postgres
        Path(name).chmod(0o755)
        pair = Pair(Path(name))
        yield pair
        pair.stop()


@pytest.fixture
def pair(clusters: Pair, db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    def at(server: OwnPostgres) -> dict[str, Any]:
        return {"NAME": "postgres", "USER": "postgres", "HOST": "127.0.0.1", "PORT": server.port}

    with alias("own_primary", **at(clusters.primary)) as primary, alias(REPLICA, **at(clusters.replica)):
        monkeypatch.setattr(replica, "connection", primary)
        yield clusters


def test_each_write_is_seen_by_the_read_that_follows_it_and_the_replica_answers(pair: Pair) -> None:
    for _ in range(30):
        pair.write()
        assert pair.read() == (REPLICA, pair.newest())


def test_a_replica_that_stands_still_is_not_read_and_said_to_be_behind_until_it_has_caught_up(
    pair: Pair, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REPLICA_LAG_SECONDS = 0.05
    pair.replay("pause")
    pair.write()
    assert pair.read() == ("default", pair.newest())
    began = time.monotonic()
    assert pair.read() == ("default", pair.newest())
    assert time.monotonic() - began < 0.04, "the next one does not wait for it"
    state = replica_state()
    assert "behind" in state.problem
    assert state.lag_seconds is not None
    assert state.lag_seconds > 0
    pair.replay("resume")
    monkeypatch.setattr(replica, "REST_SECONDS", 0.0)
    replica._standing.told(well=False)
    wait_for(lambda: pair.read() == (REPLICA, pair.newest()), 10, "the replica in use again")
    assert replica_state().problem == ""


def test_inside_a_transaction_and_where_something_is_kept_the_primary_is_read(pair: Pair) -> None:
    pair.write()
    with transaction.atomic(using="own_primary"):
        assert pair.read()[0] == "default"

    def page() -> str:
        with replica.from_primary():
            return Router().db_for_read(Heartbeat)

    assert read_whole(page) == "default"
    assert read_whole(lambda: Router().db_for_write(Heartbeat)) == "default"


def test_a_read_that_the_replica_breaks_off_is_made_anew_at_the_primary(pair: Pair) -> None:
    tried = []

    def page() -> str:
        tried.append(Router().db_for_read(Heartbeat))
        if tried[-1] == REPLICA:
            with connections[REPLICA].cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return tried[-1]

    assert read_whole(page) == "default"
    assert tried == [REPLICA, "default"]


@pytest.mark.django_db
def test_a_server_that_is_no_replica_is_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with alias("own_primary") as primary, alias(REPLICA):
        monkeypatch.setattr(replica, "connection", primary)
        assert read_whole(lambda: Router().db_for_read(Heartbeat)) == "default"
        assert replica_state().problem == "is no replica"
        told = exposition()[0].decode()
    assert "\nacteon_replica_up 0.0" in told
    assert "\nacteon_replica_up " not in exposition()[0].decode()


@pytest.mark.django_db
def test_one_that_is_away_is_said_to_be_and_does_not_make_the_gateway_unready(shop: Shop) -> None:
    with alias(REPLICA, PORT=1):
        assert replica_state().problem == "does not answer"
        checks = shop.get("/ready").json()["checks"]
        assert checks["replica"] == "does not answer"
    assert "replica" not in shop.get("/ready").json()["checks"]


@pytest.fixture
def mirror(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tests' own database by a second name, taken for a replica that has everything."""
    monkeypatch.setattr(replica, "_REACHED", "SELECT true, %s::pg_lsn IS NOT NULL")
    monkeypatch.setattr("django.db.router.routers", [Router()])
    with alias(REPLICA):
        yield


def _tables_read(read: Any, status: int = 200) -> dict[str, set[str]]:
    """By server: which of our tables."""
    with ExitStack() as captured:
        servers = {
            name: captured.enter_context(CaptureQueriesContext(connections[name]))
            for name in ("default", REPLICA)
        }
        answer = read()
        assert answer.status_code == status, answer
    return {
        name: {table for query in found.captured_queries for table in OURS.findall(query["sql"])}
        for name, found in servers.items()
    }


def test_lists_of_the_api_come_from_the_replica_alone_and_single_rows_from_the_primary(
    mirror: None, shop: Shop
) -> None:
    for path in LISTS:
        shop.get(f"/v1/{path}", **SCOPE)  # what it keeps of the configuration is read now
        found = _tables_read(lambda path=path: shop.get(f"/v1/{path}", **SCOPE))
        assert found["default"] == set(), path
        assert found[REPLICA], path
    found = _tables_read(lambda: shop.get("/v1/events/none", **SCOPE), status=404)
    assert found == {"default": {"orders_app_order"}, REPLICA: set()}


def test_lists_of_the_admin_and_its_home_come_from_the_replica_alone(
    mirror: None, shop: Shop, people: People
) -> None:
    client = people.client()
    lists = [model._meta for model, page in admin.site._registry.items() if isinstance(page, ReadOnlyAdmin)]
    assert len(lists) > 5
    for meta in lists:
        path = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        client.get(path)
        found = _tables_read(lambda path=path: client.get(path))
        assert found["default"] == set(), path
        assert found[REPLICA], path
    found = _tables_read(lambda: client.get(reverse("admin:index")))
    assert {"orders_app_order", "chains_app_circuitbreaker"} <= found[REPLICA] - found["default"]


def test_what_a_process_keeps_of_the_configuration_never_comes_from_the_replica(
    mirror: None, shop: Shop
) -> None:
    """An older state would be kept as the version that it is not."""
    config_versions.reset()
    with CaptureQueriesContext(connections[REPLICA]) as asked:
        assert read_whole(providers)
    assert not [query for query in asked.captured_queries if OURS.search(query["sql"])]


def test_a_backtest_reads_the_past_from_the_replica_alone(mirror: None, shop: Shop) -> None:
    shop.place()
    now = timezone.now()
    asked = Asked(now - timedelta(hours=1), now + timedelta(hours=1))
    row = backtest_request(asked=asked, actor="ann", ring=False)

    def run() -> HttpResponse:
        backtest_run(row.pk)
        return HttpResponse()

    past = {"audit_app_auditrecord", "orders_app_action"}
    found = _tables_read(run)
    assert past <= found[REPLICA]
    assert not past & found["default"]
    row.refresh_from_db()
    assert row.state == Backtest.State.DONE
    assert row.summary["dispatches"]["count"] == 1
