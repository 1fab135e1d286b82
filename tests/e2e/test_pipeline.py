"""`manage.py pipeline …` against a running gateway: the guide's six scripts."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.core.management import CommandError, call_command

from acteon_site.client.http import GatewayClient
from tests.e2e.running import background, environment, free_port, run, wait_ready

pytestmark = pytest.mark.embedded


@dataclass(slots=True)
class Shop:
    """A running gateway, seen by the commands of one merchant."""

    env: dict[str, str]
    client: GatewayClient
    tenant: str

    def pipeline(self, *arguments: str) -> tuple[int, str]:
        """`manage.py pipeline <arguments>` without a process of its own: its exit code, and what it prints."""
        out = io.StringIO()
        try:
            call_command(
                "pipeline", *arguments, "--url", self.client.url, "--tenant", self.tenant, stdout=out
            )
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue()
        except CommandError as error:
            return error.returncode, out.getvalue() + str(error)
        return 0, out.getvalue()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], GatewayClient]]:
    directory = tmp_path_factory.mktemp("pipeline")
    env = environment(directory)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with background(env, directory / "serve.log", "manage.py", "serve", "--port", str(port)) as process:
        wait_ready(process, url)
        with GatewayClient(url) as client:
            yield env | {"ACTEON_URL": url}, client


@pytest.fixture
def shop(gateway: tuple[dict[str, str], GatewayClient]) -> Shop:
    """A merchant of its own for each test: nobody fills anybody's windows."""
    env, client = gateway
    return Shop(env, client, f"shop-{uuid.uuid4().hex[:8]}")


def test_setup_makes_quota_and_retention_and_a_second_run_changes_nothing(shop: Shop) -> None:
    code, output = shop.pipeline("setup")
    assert code == 0, output
    [quota] = shop.client.quotas("ecommerce", shop.tenant)
    assert (quota["max_actions"], quota["window"], quota["overage_behavior"]) == (200, "hourly", "block")
    [policy] = shop.client.retention_policies("ecommerce", shop.tenant)
    assert (policy["audit_ttl_seconds"], policy["event_ttl_seconds"]) == (14 * 86_400, 3 * 86_400)
    assert policy["state_ttl_seconds"] is None
    code, output = shop.pipeline("setup")
    assert code == 0
    assert output.count("there already") == 2
    assert [quota] == shop.client.quotas("ecommerce", shop.tenant)


def test_teardown_deletes_what_setup_made_and_keeps_what_a_person_made(shop: Shop) -> None:
    body = {"namespace": "ecommerce", "tenant": shop.tenant, "max_actions": 7, "window": "daily"}
    mine = shop.client.call("POST", "/v1/quotas", json=body | {"overage_behavior": "block"})
    code, output = shop.pipeline("setup")
    assert code == 0
    assert "kept as it is: max_actions is 7 instead of 200" in output
    code, output = shop.pipeline("teardown")
    assert code == 0
    assert [quota["id"] for quota in shop.client.quotas("ecommerce", shop.tenant)] == [mine["id"]]
    assert shop.client.retention_policies("ecommerce", shop.tenant) == []
    shop.client.call("DELETE", f"/v1/quotas/{mine['id']}")
    assert "Nothing to delete" in shop.pipeline("teardown")[1]


def test_manage_order_shows_the_moves_the_refusal_and_the_history(shop: Shop) -> None:
    order_id = f"LC/{uuid.uuid4().hex[:8]}:1"  # names with such characters must survive the path
    code, output = shop.pipeline("manage-order", "--order-id", order_id)
    assert code == 0, output
    assert re.search(r"delivered +│ 409 .*confirmed", output), output
    for move in ("placed → confirmed", "confirmed → shipped", "shipped → delivered"):
        assert f"200 {move}" in output
    assert "Now: delivered" in output
    code, output = shop.pipeline("manage-order", "--order-id", order_id)
    assert code == 1
    assert "an order of that id already" in output


def test_stream_orders_shows_the_events_of_three_orders_as_they_arrive(shop: Shop) -> None:
    code, output = shop.pipeline("stream-orders", "--seconds", "4")
    assert code == 0, output
    sent = re.findall(r"→ sent (\S+): (\w+)", output)
    assert [kind for _, kind in sent] == ["Executed", "Executed", "Suppressed"]
    numbers = [int(number) for number in re.findall(r"← #(\d+)", output)]
    assert numbers == sorted(set(numbers))
    assert output.count(" action_dispatched ") == 3
    assert output.count(" chain_completed ") == 2
    # The first order's first event was shown before the second order's last.
    assert output.index("← #") < output.rindex("← #")


def test_send_orders_waits_for_the_throttle_or_gives_up_with_advice(shop: Shop) -> None:
    code, output = shop.pipeline("send-orders", "--run-id", "one")
    assert code == 0, output
    assert "15 orders: 7 Executed, 2 PendingApproval, 2 Suppressed, 1 Deduplicated, 3 Scheduled" in output
    code, output = shop.pipeline("send-orders", "--run-id", "two", "--max-wait", "0")
    assert code == 1
    assert "--max-wait" in output


def test_send_orders_shows_a_rule_that_was_switched_off(shop: Shop) -> None:
    shop.client.rule_enable("deny-sanctioned-regions", False)
    try:
        code, output = shop.pipeline("send-orders")
    finally:
        shop.client.rule_enable("deny-sanctioned-regions", True)
    assert code == 1
    assert output.count("DIFFERS") == 2
    assert "2 NOT as expected" in output


def test_send_orders_by_the_real_clock_is_as_the_hour_says(shop: Shop) -> None:
    code, output = shop.pipeline("send-orders", "--real-clock")
    assert code == 0, output
    assert "all as expected" in output


def test_report_asks_seven_endpoints(shop: Shop) -> None:
    shop.pipeline("setup")
    shop.pipeline("manage-order")
    code, output = shop.pipeline("report")
    assert code == 0, output
    titles = re.findall(r"^(\d[ab]?)\. (\w+)", output, re.M)
    assert [number for number, _ in titles] == ["1a", "1b", "2", "3", "4", "5", "6", "7"]
    assert re.search(r"hourly +│ 1 +│ 200 +│ 199", output)
    assert re.search(r"payment-gateway +│ closed +│ 2 .*compliance-queue", output)
    assert "14 days" in output


def test_a_refusal_names_the_field_and_exits_4(shop: Shop) -> None:
    ran = run(shop.env, "manage.py", "pipeline", "report", "--tenant", "a:b")
    assert ran.returncode == 4
    assert "tenant" in ran.stderr
