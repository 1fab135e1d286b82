"""What docs/scaling.md says of tables, files and the pooler's settings is so."""

from __future__ import annotations

import re
from configparser import ConfigParser

import pytest
from django.apps import apps
from django.conf import settings

from acteon_site.watching import pooler_checks
from bench.scaling import BETWEEN, DOCS
from bench.scenarios import SCENARIOS
from tests.docs.compose import ROOT

TEXT = DOCS.read_text()
OURS = ("acteon_site", "audit_app", "chains_app", "rules_app", "orders_app", "subscriptions_app")
TABLE = re.compile(r"`((?:acteon_site|\w+_app)_\w+)`")


def rows_of_tables() -> list[list[str]]:
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TEXT.splitlines()]
    return [row for row in cells if len(row) == 4 and TABLE.match(row[0])]


def test_each_of_our_tables_stands_once_in_the_plan_of_distribution_with_whether_it_has_a_tenant() -> None:
    has_tenant = {
        model._meta.db_table: "tenant" in {field.name for field in model._meta.concrete_fields}
        for name in OURS
        for model in apps.get_app_config(name).get_models()
        if not model._meta.proxy
    }
    told = [(table, row[2]) for row in rows_of_tables() for table in TABLE.findall(row[0])]
    assert sorted(table for table, _ in told) == sorted(has_tenant)
    assert {table for table, words in told if words == "yes"} <= {
        name for name in has_tenant if has_tenant[name]
    }
    assert not [table for table, words in told if words == "no" and has_tenant[table]]


def test_each_file_and_scenario_that_it_names_exists_and_the_bench_finds_its_place() -> None:
    for path in re.findall(r"`((?:\w+_app|acteon_site|deploy|bench)/[\w/.]+)`", TEXT):
        assert (ROOT / path).is_file(), path
    named = set(re.findall(r"--scenario ([\w-]+)", TEXT))
    assert {"hosts", "replica", "failover", "failover-behind", "small"} == named <= set(SCENARIOS)
    assert BETWEEN.search(TEXT)


def test_the_example_of_a_pooler_waits_no_longer_than_a_request_does() -> None:
    example = ConfigParser(inline_comment_prefixes=None, comment_prefixes=(";",))
    example.read(ROOT / "deploy" / "pgbouncer.ini")
    pooler = example["pgbouncer"]
    assert pooler["pool_mode"] == "transaction"
    assert int(pooler["query_wait_timeout"]) == settings.DATABASE_SECONDS
    assert int(pooler["max_prepared_statements"]) > 0


def test_a_replica_beside_a_database_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    server = {"ENGINE": "django.db.backends.postgresql"}
    monkeypatch.setitem(settings.DATABASES, "replica", server)
    monkeypatch.setitem(settings.DATABASES, "default", {"ENGINE": "django.db.backends.sqlite3"})
    assert [found.id for found in pooler_checks.replica_is_a_server()] == ["acteon.E015"]
    monkeypatch.setitem(settings.DATABASES, "default", server)
    assert pooler_checks.replica_is_a_server() == []


@pytest.mark.postgres
@pytest.mark.django_db
def test_postgresql_itself_is_taken_for_no_pooler() -> None:
    assert pooler_checks.pooler_knows_prepared_statements(databases=["default"]) == []
