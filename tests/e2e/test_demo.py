"""The system as `make demo` starts it: one command, SQLite, 15 sample orders over HTTP, and their table."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.e2e.running import AS_USERS_HAVE_IT, environment, free_port, run
from tests.world import FIXTURES, NAMESPACE, TENANT

pytestmark = pytest.mark.embedded

ROW = re.compile(
    r"^│ (?P<label>\S+) +│ (?P<expected>\w+) +│ (?P<actual>\w+) +│ (?P<fit>\w+) +│ (?P<rest>.*)│$"
)


def rows(output: str) -> dict[str, re.Match[str]]:
    found = filter(None, (ROW.match(line) for line in output.splitlines()))
    return {row["label"]: row for row in found if row["label"] != "order"}


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return environment(tmp_path_factory.mktemp("demo"), **AS_USERS_HAVE_IT)


def orders_file(directory: Path, *countries: str) -> Path:
    """Sample orders that should be Executed, one a country."""
    samples = [
        {
            "label": f"own-{number}",
            "category": "standard",
            "clock": "business",
            "expected": "Executed",
            "action": {
                "id": f"own-{number}-{{run}}",
                "payload": {
                    "order_id": f"OWN-{number}-{{run}}",
                    "total_cents": 100,
                    "shipping_country": country,
                },
            },
        }
        for number, country in enumerate(countries, start=1)
    ]
    defaults = {
        "namespace": NAMESPACE,
        "tenant": TENANT,
        "provider": "payment-gateway",
        "action_type": "place_order",
    }
    clocks = {"business": "2026-03-10T11:00:00-04:00"}
    file = directory / "orders.yaml"
    file.write_text(
        yaml.safe_dump({"sample_orders": {"clocks": clocks, "defaults": defaults, "orders": samples}})
    )
    return file


def demo(env: dict[str, str], *options: str) -> tuple[int, str]:
    ran = run(env, "manage.py", "demo", "--once", "--port", str(free_port()), *options)
    return ran.returncode, ran.stdout + ran.stderr


def test_the_demo_shows_every_row_of_the_guides_table(env: dict[str, str]) -> None:
    code, output = demo(env, "--follow")
    assert code == 0, output
    table = rows(output)
    assert Counter((row["expected"], row["actual"], row["fit"]) for row in table.values()) == {
        ("Executed", "Executed", "ok"): 7,
        ("PendingApproval", "PendingApproval", "ok"): 2,
        ("Suppressed", "Suppressed", "ok"): 2,
        ("Deduplicated", "Deduplicated", "ok"): 1,
        ("Scheduled", "Scheduled", "ok"): 3,
    }
    assert "deny-sanctioned-regions" in table["sanctioned-006"]["rest"]
    assert "approve-high-value" in table["high-004"]["rest"]
    assert "schedule-after-hours" in table["late-012"]["rest"]
    assert "completed" in table["std-001"]["rest"]
    assert output.count("was released: chain") == 3
    assert output.count("✓ validate  ✓ charge  ✓ fulfill  ✓ notify-customer") == 7 + 3
    assert (
        len(re.findall(r"high-00[45] approve: http://127\.0\.0\.1:\d+/v1/approvals/\S+sig=\S+", output)) == 2
    )
    assert "15 orders" in output
    assert "all as expected" in output


def test_a_second_run_waits_for_a_full_window_and_says_so(env: dict[str, str], tmp_path: Path) -> None:
    """The same installation again, with room for one order in ten seconds: the second has to wait."""
    pipeline = tmp_path / FIXTURES.name  # the same source: its rules are replaced
    shutil.copytree(FIXTURES, pipeline)
    rules = pipeline / "rules" / "processing.yaml"
    wide = rules.read_text()
    rules.write_text(
        wide.replace("max_count: 10", "max_count: 1").replace("window_seconds: 60", "window_seconds: 10")
    )
    assert rules.read_text().count("max_count: 1\n") == 1
    code, output = demo(env, "--fixtures", str(pipeline), "--orders", str(orders_file(tmp_path, "US", "CA")))
    assert code == 0, output
    assert len(rows(output)) == 2
    assert re.search(r"the throttle's window is full, sending it again in \d+ s", output)
    assert "Traceback" not in output


def test_an_outcome_that_differs_is_marked_and_fails_the_run(tmp_path: Path) -> None:
    env = environment(tmp_path)
    code, output = demo(env, "--orders", str(orders_file(tmp_path, "SY")))
    assert code == 1
    row = rows(output)["own-1"]
    assert (row["actual"], row["fit"]) == ("Suppressed", "DIFFERS")
    assert "1 NOT as expected" in output
