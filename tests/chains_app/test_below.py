"""Runs below a run: their time, the order that they move, and chains that are switched off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from chains_app.services.definitions import chain_enable, chains_save
from chains_app.services.leases import lease_take
from orders_app.models import Order
from tests.chains_app.gateway import settle
from tests.chains_app.test_configuration import step
from tests.chains_app.turning import run_turn
from tests.world import NAMESPACE, Shop, tag

pytestmark = pytest.mark.django_db
TRIGGER = {"action_type": "place_order", "namespace": NAMESPACE}


def placed(shop: Shop, *steps: dict[str, Any], inner: list[dict[str, Any]], **keys: Any) -> Run:
    """An order whose chain has these steps, beside a chain `inner`."""
    limits = {name.removeprefix("inner_"): keys.pop(name) for name in list(keys) if name.startswith("inner_")}
    chains_save(
        specs=[
            {"name": "inner", "steps": inner, **limits},
            {"name": "order-processing", "trigger": TRIGGER, "steps": list(steps), **keys},
        ],
        actor="test",
    )
    config_versions.reset()
    outcome = shop.place()
    assert tag(outcome) == "Executed", outcome
    return Run.objects.get(pk=outcome["Executed"]["body"]["chain_id"])


def call(name: str, **keys: Any) -> dict[str, Any]:
    return step(name, "warehouse", **keys)


SUB = {"name": "sub", "sub_chain": "inner"}
ASK = {"name": "ask", "wait_for_signal": {"signal": "go", "timeout_seconds": 3600}}


def test_a_step_of_a_sub_chain_moves_the_order(shop: Shop) -> None:
    placed(shop, SUB, call("after", transition_to="shipped"), inner=[call("pay", transition_to="confirmed")])
    settle()
    order = Order.objects.get()
    assert (order.state, order.status) == ("shipped", "completed")
    moves = order.moves.order_by("at").values_list("from_state", "to_state", "actor")
    assert list(moves) == [("placed", "confirmed", "step:pay"), ("confirmed", "shipped", "step:after")]


def test_a_branch_and_a_sub_chain_inside_a_branch_move_the_order(shop: Shop) -> None:
    group = {
        "name": "both",
        "parallel": {"max_concurrency": 1, "steps": [call("x", transition_to="confirmed"), SUB]},
    }
    placed(shop, group, inner=[call("send", transition_to="shipped")])
    settle()
    assert Order.objects.get().state == "shipped"


def test_a_move_from_below_that_is_not_possible_is_noted_and_fails_nothing(shop: Shop) -> None:
    placed(shop, SUB, inner=[call("send", transition_to="delivered")])
    settle()
    order = Order.objects.get()
    assert (order.state, order.status) == ("placed", "completed")
    noted = [row for row in shop.audit() if row["outcome"] == "state_changed"]
    assert any("delivered" in str(row) for row in noted)


def test_a_turn_below_locks_the_order_before_its_run(shop: Shop) -> None:
    run = placed(shop, SUB, inner=[call("pay", transition_to="confirmed")])
    lease = lease_take(run.pk)
    assert lease is not None
    run_turn(lease)
    child = Run.objects.get(parent=run)
    lease = lease_take(child.pk)
    assert lease is not None
    assert (lease.top.owner_kind, lease.top.owner_id) == ("order", Order.objects.get().pk)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        run_turn(lease)
    reads = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    first_of = {table: next(n for n, sql in enumerate(reads) if f'FROM "{table}"' in sql) for table in TABLES}
    assert first_of["orders_app_order"] < first_of["chains_app_run"]


TABLES = ("orders_app_order", "chains_app_run")


@pytest.mark.parametrize(
    ("own", "of_step", "of_parent", "seconds"),
    [
        (None, 60, None, 60),
        (30, 60, None, 30),
        (90, 60, None, 60),
        (90, 60, 45, 45),
        (None, None, 45, 45),
        (None, None, None, None),
    ],
)
def test_a_sub_chain_has_the_least_of_its_own_time_its_steps_and_its_parents(
    shop: Shop, own: float | None, of_step: float | None, of_parent: float | None, seconds: float | None
) -> None:
    run = placed(
        shop,
        {**SUB, "timeout_seconds": of_step},
        inner=[ASK],
        timeout_seconds=of_parent,
        inner_timeout_seconds=own,
    )
    runs_sweep()
    child = Run.objects.get(parent=run)
    span = child.expires_at - run.started_at if child.expires_at else None
    wanted = timedelta(seconds=seconds) if seconds else None
    # The step begins a moment after the run.
    assert (span is None and wanted is None) or abs(span - wanted) < timedelta(seconds=10)  # type: ignore[operator]


def test_a_sub_chain_whose_steps_time_is_over_fails_the_step_and_the_rest_goes_its_way(shop: Shop) -> None:
    late = {**SUB, "timeout_seconds": 60, "on_failure": "skip"}
    run = placed(shop, late, call("after"), inner=[ASK])
    runs_sweep()
    child = Run.objects.get(parent=run)
    past = child.started_at - timedelta(seconds=1)
    Run.objects.filter(pk=child.pk).update(expires_at=past, next_run_at=child.started_at)
    settle(2)
    child.refresh_from_db()
    run.refresh_from_db()
    assert (child.status, run.status) == ("timed_out", "completed")
    steps = {row.name: (row.status, row.error) for row in run.steps.all()}
    assert steps["sub"][0] == "skipped"
    assert "timed_out" in steps["sub"][1]
    assert steps["after"][0] == "completed"


def test_a_disabled_chain_still_runs_as_a_sub_chain(shop: Shop) -> None:
    """An accepted order comes to its end; what is switched off is the chain's own start."""
    run = placed(shop, SUB, inner=[call("pay")])
    chain_enable(name="inner", enabled=False, actor="owner")
    config_versions.reset()
    settle()
    run.refresh_from_db()
    assert run.status == "completed"
    assert Run.objects.get(parent=run).chain_name == "inner"
