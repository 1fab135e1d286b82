"""Two people press at once: exactly one of them decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from acteon_site.base.errors import AppError
from audit_app.models import AuditRecord
from chains_app.models import Run
from chains_app.services.repair import dead_letter_dismiss, dead_letter_replay
from chains_app.services.resuming import run_retry
from orders_app.models import Order
from tests.chains_app.gateway import Gateway, settle
from tests.chains_app.repair.stopped import failed, parked
from tests.threads import at_once
from tests.world import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def outcome(act: Callable[..., Any], run: Run, actor: str) -> Callable[[], str]:
    def job() -> str:
        try:
            act(run_id=run.pk, actor=actor)
        except AppError as error:
            return error.code
        return "done"

    return job


def test_of_eight_who_replay_one_dead_letter_one_does_it(shop: Shop, gateway: Gateway) -> None:
    run = failed(shop, gateway)
    told = Counter(at_once([outcome(dead_letter_replay, run, f"p-{n}") for n in range(8)]))
    assert told == {"done": 1, "NOT_A_DEAD_LETTER": 7}
    settle(4)
    assert Run.objects.get().status == "completed"
    assert len(gateway.calls("validate_order")) == 2  # the one that failed, and one more
    assert len(gateway.calls("charge_card")) == 1
    assert AuditRecord.objects.filter(outcome="chain_step_retrying", chain_id=run.pk).count() == 1


def test_of_a_replay_and_a_dismissal_one_wins(shop: Shop, gateway: Gateway) -> None:
    for n in range(3):
        run = failed(shop, gateway, f"o-{n}")
        jobs = [outcome(act, run, "p") for act in (dead_letter_replay, dead_letter_dismiss) * 2]
        assert Counter(at_once(jobs)) == {"done": 1, "NOT_A_DEAD_LETTER": 3}
        run.refresh_from_db()
        assert run.dead_lettered_at is None
        settle(4)


def test_of_two_failed_runs_of_one_order_one_goes_on(shop: Shop, gateway: Gateway) -> None:
    runs = [failed(shop, gateway, "same") for _ in range(2)]
    told = Counter(at_once([outcome(dead_letter_replay, run, "p") for run in runs]))
    assert told == {"done": 1, "PLACED_ANEW": 1}
    settle(4)
    assert Order.objects.filter(living=True).count() == 1
    assert len(gateway.calls("charge_card")) == 1


def test_of_four_who_retry_one_incident_one_does_it(shop: Shop, gateway: Gateway) -> None:
    incident = parked(shop)
    told = Counter(at_once([outcome(run_retry, incident.run, f"p-{n}") for n in range(4)]))
    assert told == {"done": 1, "NOT_RUNNING": 3}
    settle(4)
    assert len(gateway.calls("charge_card")) == 1
