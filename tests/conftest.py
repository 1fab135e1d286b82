"""What every test shares: which tests run where and in which order, the shop, and caches that outlive no rollback.

Where. `.ci/suite` makes two passes over the tests, on SQLite, and on PostgreSQL and Redis where there are any:

- `postgres` (races, plans, its own SQL) and `services` (real worker processes) run where they can and nowhere else;
- tests without a database, and `embedded` ones, which start a system with a SQLite of its own, run on SQLite;
- tests of ONCE run on PostgreSQL, the stricter of the two, or on SQLite where no other pass follows: they are about
  what is shown, asked and refused, and not about what the database does;
- all others, which write, count, filter and lock, run on both.

Order. The longest files begin first, and before all those that wait for a running system most of their time: whatever
runs beside them is short, so that no file is left to itself on one core at the end.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings
from django.core.management.color import Style
from django.db import connection

from acteon_site.base import config_versions
from chains_app.services.engine_loop import engine_stop
from tests.e2e import migrated
from tests.people import People
from tests.world import Shop, load_shop

SLOW = (
    "tests/e2e/test_faults",
    "tests/e2e/test_production",
    "tests/e2e/test_stream_restarts",
    "tests/docs/test_commands",
    "tests/e2e/",
    "tests/contract/test_many_listeners",
    "tests/contract/test_live",
    "tests/acteon_site/http/test_pages",
    "tests/contract/test_fuzzed",
    "tests/contract/test_tenancy",
    "tests/acteon_site/serving/",
    "tests/orders_app/test_templates",
    "tests/rules_app/test_manager_way_browser",
    "tests/rules_app/test_admin_builder_browser",
    "tests/docs/",
    "tests/acteon_site/config_files/test_commands",
    "tests/orders_app/admin/test_browser",
    "tests/chains_app/repair/",
    "tests/chains_app/test_machines_hypothesis",
    "tests/chains_app/test_smtp",
    "tests/contract/test_long_texts",
    "tests/contract/test_stream",
)
ONCE = (
    "tests/audit_app/analytics/test_dashboard",
    # Pages of the admin, and the browser.
    "tests/acteon_site/admin/",
    "tests/acteon_site/watching/",
    "tests/acteon_site/test_oidc",
    "tests/orders_app/admin/",
    "tests/audit_app/test_admin",
    "tests/chains_app/test_admin",
    "tests/chains_app/repair/test_pages",
    "tests/rules_app/test_admin",
    "tests/subscriptions_app/test_admin",
    "tests/subscriptions_app/test_receivers",
    "tests/subscriptions_app/test_watching",
    "tests/rules_app/test_manager_way_browser",
    # What files, settings and commands are told: refused, overlooked, listed.
    "tests/acteon_site/config_files/test_bad_files",
    "tests/acteon_site/config_files/test_commands",
    "tests/acteon_site/config_files/test_docs",
    "tests/acteon_site/config_files/test_export",
    "tests/acteon_site/config_files/test_lists",
    "tests/acteon_site/config_files/test_overlooked",
    "tests/acteon_site/config_files/test_reload_api",
    "tests/acteon_site/config_files/test_toml_mapping",
    "tests/chains_app/test_docs",
    "tests/chains_app/test_webhook_terms",
    # What is shown of runs, asked of them, and repaired by hand; how they advance, race and end in doubt runs on both.
    "tests/chains_app/repair/test_commands",
    "tests/chains_app/test_dashboards",
    "tests/chains_app/test_going_on",
    "tests/chains_app/test_in_use",
    "tests/chains_app/test_metrics",
    "tests/chains_app/test_missing",
    "tests/chains_app/test_seen",
    "tests/chains_app/test_timeline",
    "tests/docs/test_pipelines",
    # What rules would say of an action, said of it, and are shown to say.
    "tests/contract/test_explain",
    "tests/orders_app/test_backtests",
    "tests/orders_app/test_past_tries",
    "tests/rules_app/test_currencies",
    "tests/rules_app/test_trial_reports",
    # Who may come in, and what auditors are given.
    "tests/acteon_site/test_sign_in_doors",
    "tests/audit_app/test_evidence",
    # What an order may say.
    "tests/orders_app/test_cards",
    "tests/orders_app/test_money",
    "tests/orders_app/test_names",
    "tests/orders_app/test_refund_machine",
    "tests/orders_app/test_templates",
    # Shapes of answers, and requests made to break them.
    "tests/acteon_site/http/",
    "tests/audit_app/test_retention_api",
    "tests/audit_app/test_stream",
    "tests/chains_app/test_api_definitions",
    "tests/chains_app/test_api_providers",
    "tests/rules_app/test_api_quotas",
    "tests/rules_app/test_api_counters",
    "tests/rules_app/test_api_drafts",
    "tests/rules_app/test_api_lists",
    "tests/rules_app/test_api_muting",
    "tests/rules_app/test_command_rule_lists",
    "tests/rules_app/test_api_rules",
    "tests/rules_app/test_api_reports",
    "tests/contract/test_approvals",
    "tests/contract/test_audit",
    "tests/contract/test_chains",
    "tests/contract/test_definitions",
    "tests/contract/test_direct",
    "tests/contract/test_dispatch",
    "tests/contract/test_events",
    "tests/contract/test_everywhere",
    "tests/contract/test_fuzzed",
    "tests/contract/test_groups",
    "tests/contract/test_health_and_templates",
    "tests/contract/test_limits",
    "tests/contract/test_live",
    "tests/contract/test_many_listeners",
    "tests/contract/test_openapi",
    "tests/contract/test_quotas_and_retention",
    "tests/contract/test_recurring",
    "tests/contract/test_replay",
    "tests/contract/test_rules",
    "tests/contract/test_sign_in",
    "tests/contract/test_stream",
    "tests/contract/test_subscriptions",
    "tests/contract/test_tenancy",
)
# .ci/suite sets it where the pass on PostgreSQL follows.
BOTH_PASSES = os.environ.get("ACTEON_TEST_BOTH_PASSES") == "1"


def pytest_configure() -> None:
    # A test that is slow on a busy machine is not wrong.
    hypothesis.settings.register_profile("gateway", deadline=None)
    hypothesis.settings.load_profile("gateway")
    # A real hasher is slow on purpose, and every signed-in test would pay for it.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Each test's client makes the middleware anew: it finds a static file when asked, and does not read all before.
    settings.WHITENOISE_AUTOREFRESH = True
    if connection.vendor == "postgresql":
        # Tests kill processes, not machines: what a commit waits for on the disk proves nothing here.
        connection.settings_dict["OPTIONS"]["options"] = "-c synchronous_commit=off"
        connection.ops.sql_flush = _emptied  # type: ignore[method-assign]
        connection.creation._destroy_test_db = _dropped  # type: ignore[method-assign]


def _emptied(style: Style, tables: list[str], **options: bool) -> list[str]:
    """How a test that commits leaves the tables: to delete a few rows takes milliseconds, to truncate makes a new file
    for each table and index, which takes a second. Neither foreign keys nor the trail's triggers are asked. What every
    migration makes anew, in 150 statements, stays. All in one message."""
    kept = {"django_content_type", "auth_permission"}
    deletes = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables if table not in kept]
    return [";".join(["SET LOCAL session_replication_role = replica", *deletes])]


def _dropped(name: str, verbosity: int) -> None:
    """With what threads still hold that live as long as the process, and keep a connection: those that take orders."""
    with connection.creation._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {connection.ops.quote_name(name)} WITH (FORCE)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another pass runs; slow files first."""
    unwanted = [item for item in items if _runs_elsewhere(item)]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
    kept = set(items) - set(unwanted)
    items[:] = sorted((item for item in items if item in kept), key=_turn)


def pytest_collection_finish() -> None:
    # Thousands of tests stay to the end: the garbage collector need not look through them.
    gc.freeze()


def _runs_elsewhere(item: pytest.Item) -> bool:
    marked = {mark.name for mark in item.iter_markers()}
    if "services" in marked and not os.environ.get("REDIS_URL"):
        return True
    on_services = bool(marked & {"postgres", "services"})
    on_sqlite = "embedded" in marked or not (on_services or _needs_database(item))
    if connection.vendor != "sqlite":
        return on_sqlite
    return on_services or (BOTH_PASSES and not on_sqlite and item.nodeid.startswith(ONCE))


def _needs_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or not {"db", "transactional_db"}.isdisjoint(
        fixtures
    )


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, path in enumerate(SLOW) if item.nodeid.startswith(path)), len(SLOW))


@pytest.fixture(scope="session", autouse=True)
def _a_place_for_what_the_processes_share(tmp_path_factory: pytest.TempPathFactory) -> None:
    own = tmp_path_factory.getbasetemp()
    migrated.shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(autouse=True)
def _fresh_configuration_caches() -> Iterator[None]:
    """Tests roll back what a cache has read."""
    config_versions.reset()
    yield
    config_versions.reset()


@pytest.fixture(autouse=True)
def _no_engine_outlives_its_test() -> Iterator[None]:
    """It would turn the next test's runs, and hold a connection when the database is dropped."""
    yield
    engine_stop(3.0)


@pytest.fixture
def shop(db: None) -> Shop:
    """The guide's pipeline, loaded, and a storefront with every right."""
    load_shop()
    return Shop()


@pytest.fixture
def people(db: None) -> People:
    return People()
