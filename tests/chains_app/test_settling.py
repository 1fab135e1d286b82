"""A call of unknown outcome whose run has ended: a person says what came of it, and the order is free or undone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from acteon_site.access.people import groups_ensure
from acteon_site.base import config_versions
from acteon_site.base.errors import AppError
from chains_app.models import ChainDefinition, CircuitBreaker, Incident, Run, StepRun
from chains_app.services.definitions import chain_save, chains_save
from chains_app.services.resuming import run_retry
from chains_app.services.settling import doubt_settle
from orders_app.models import Order
from tests.chains_app.gateway import GONE, Gateway, charging, decide, incident, placed, settle, step, undoable
from tests.chains_app.test_doubt_below import PAY, TRIGGER
from tests.people import People, page_of, press, told
from tests.threads import at_once
from tests.world import SCOPE, Shop, order, tag

GIVEN_UP = {"order_id": "one"}


def given_up(shop: Shop, gateway: Gateway) -> Run:
    """An order that was cancelled while nobody knew whether its card was charged."""
    charging(gateway)
    CircuitBreaker.objects.all().delete()
    config_versions.reset()
    gateway.script["charge_card"] = [GONE, *[409] * 9]
    run = placed(shop, payload=GIVEN_UP, dedup_key="key-one")
    settle()
    assert (incident().reason, incident().step) == ("unknown_outcome", "charge")
    assert decide(shop, "cancel").status_code == 200
    settle(2)
    gateway.script.clear()
    found = Order.objects.get()
    assert (found.status, found.living) == ("cancelled", True)
    assert tag(shop.place(payload=GIVEN_UP)) == "Deduplicated"
    return run


def bare_call(shop: Shop, gateway: Gateway) -> Run:
    """An order without a chain, of whose one call nobody knows what came of it."""
    charging(gateway)
    ChainDefinition.objects.update(enabled=False)
    config_versions.reset()
    gateway.script["place_order"] = [GONE, *[404] * 9]
    shop.dispatch(order(payload=GIVEN_UP))
    settle(6)
    assert stands()[:2] == ("failed", True)
    return Run.objects.get()


def stands() -> tuple[str, bool, int | None]:
    found = Order.objects.order_by("created_at").get()
    return found.status, found.living, found.charged


def found_rows(shop: Shop) -> list[tuple[str, str, str]]:
    """What people said, as the trail has it."""
    details = [(row["outcome"], row["outcome_details"]) for row in shop.audit()]
    return [
        (outcome, told["step"], told["found"]) for outcome, told in details if told.get("change") == "settled"
    ]


def by_chain(shop: Shop, run: Run, outcome: str) -> int:
    return int(shop.post(f"/v1/chains/{run.pk}/settle", {"outcome": outcome}).status_code)


def by_incident(shop: Shop, run: Run, outcome: str) -> int:
    pk = Incident.objects.get(run=run, resolution="cancelled").pk
    return int(shop.post(f"/v1/incidents/{pk}/settle", {"outcome": outcome}).status_code)


def by_order(shop: Shop, run: Run, outcome: str) -> int:
    return int(shop.post("/v1/orders/one/settle", {**SCOPE, "outcome": outcome}).status_code)


def by_command(shop: Shop, run: Run, outcome: str) -> int:
    call_command("incidents", "settle", str(run.pk), "--outcome", outcome, stdout=StringIO())
    return 200


DOORS = [by_chain, by_incident, by_order, by_command]


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
def test_an_order_whose_charge_took_no_effect_is_placed_anew(
    shop: Shop, gateway: Gateway, door: Callable[[Shop, Run, str], int]
) -> None:
    run = given_up(shop, gateway)
    assert door(shop, run, "not_done") == 200
    assert stands() == ("cancelled", False, 0)
    assert not gateway.calls("refund_card")
    assert found_rows(shop) == [("chain_step_skipped", "charge", "not_done")]
    assert tag(shop.place(payload=GIVEN_UP, dedup_key="key-one")) == "Executed"


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
def test_a_charge_that_took_effect_is_undone_and_the_order_is_placed_anew(
    shop: Shop, gateway: Gateway, door: Callable[[Shop, Run, str], int]
) -> None:
    run = given_up(shop, gateway)
    assert door(shop, run, "done") == 200
    settle(3)
    assert gateway.keys("refund_card") == {f"{run.pk}:charge:compensate"}
    assert len(gateway.calls("refund_card")) == 1
    assert stands() == ("cancelled", False, 0)
    assert found_rows(shop) == [("chain_step_completed", "charge", "done")]
    assert tag(shop.place(payload=GIVEN_UP)) == "Executed"


@pytest.mark.django_db
def test_what_is_being_undone_frees_no_name_yet(shop: Shop, gateway: Gateway) -> None:
    run = given_up(shop, gateway)
    doubt_settle(run_id=run.pk, outcome="done", actor="p")
    assert stands()[:2] == ("processing", True)
    gateway.script["refund_card"] = [GONE] * 30
    settle(30)
    assert incident().reason == "unknown_outcome"
    assert tag(shop.place(payload=GIVEN_UP)) == "Deduplicated"
    assert decide(shop, "skip", outcome="done").status_code == 200
    settle(2)
    assert stands()[:2] == ("cancelled", False)


@pytest.mark.django_db
def test_what_is_past_its_point_of_no_return_stands(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_ship"] = [GONE]
    shipped = step("ship", on_unknown="park", point_of_no_return=True)
    chain_save(spec={"name": "order-processing", "trigger": TRIGGER, "steps": [shipped]}, actor="test")
    config_versions.reset()
    run = placed(shop, payload=GIVEN_UP)
    settle()
    assert decide(shop, "cancel").status_code == 200
    settle(2)
    assert by_chain(shop, run, "done") == 200
    assert stands()[:2] == ("cancelled", True)
    assert StepRun.objects.get(name="ship").unknown is False
    assert tag(shop.place(payload=GIVEN_UP)) == "Deduplicated"
    assert by_chain(shop, run, "not_done") == 409


@pytest.mark.django_db
@pytest.mark.parametrize(("outcome", "refunds"), [("done", 1), ("not_done", 0)])
def test_a_doubt_inside_a_sub_chain_is_settled_at_its_order(
    shop: Shop, gateway: Gateway, outcome: str, refunds: int
) -> None:
    charging(gateway)
    gateway.script = {"charge_card": [GONE], "after": [400] * 9}
    after = {"name": "after", "provider": "warehouse", "action_type": "after"}
    steps = [{"name": "step", "sub_chain": "inner", "on_failure": "skip"}, after]
    inner = {"name": "inner", "steps": [PAY]}
    chains_save(specs=[inner, {"name": "order-processing", "trigger": TRIGGER, "steps": steps}], actor="test")
    config_versions.reset()
    run = placed(shop, payload=GIVEN_UP)
    settle(4)
    assert decide(shop, "cancel").status_code == 200
    settle()
    assert stands()[:2] == ("failed", True)
    assert by_chain(shop, run, outcome) == 200
    settle(4)
    assert len(gateway.calls("refund_card")) == refunds
    assert stands()[:2] == ("failed", False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("outcome", "then"), [("done", ("completed", True)), ("not_done", ("failed", False))]
)
def test_a_bare_call_in_doubt_is_completed_or_frees_its_order(
    shop: Shop, gateway: Gateway, outcome: str, then: tuple[str, bool]
) -> None:
    run = bare_call(shop, gateway)
    assert run.dead_lettered_at
    assert by_chain(shop, run, outcome) == 200
    settle(2)
    run.refresh_from_db()
    assert (stands()[:2], run.dead_lettered_at) == (then, None)
    assert len(gateway.calls("place_order")) < 8


@pytest.mark.django_db
def test_only_what_is_in_doubt_of_an_ended_run_is_settled(shop: Shop, gateway: Gateway) -> None:
    run = given_up(shop, gateway)
    assert shop.post(f"/v1/chains/{run.pk}/settle", {}).status_code == 422
    assert by_chain(shop, run, "perhaps") == 422
    refused = shop.post(f"/v1/chains/{run.pk}/settle", {"outcome": "done", "step": "fulfill"})
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_IN_DOUBT")
    assert by_chain(shop, run, "not_done") == 200
    for door in (by_chain, by_incident, by_order):
        assert door(shop, run, "done") == 409
    assert not gateway.calls("refund_card")
    goes_on = placed(shop, payload={"order_id": "two"})
    assert by_chain(shop, goes_on, "done") == 409


@pytest.mark.django_db
@pytest.mark.parametrize("door", [by_chain, by_incident, by_order])
def test_neither_a_stranger_nor_a_viewer_settles_it(
    shop: Shop, gateway: Gateway, door: Callable[[Shop, Run, str], int]
) -> None:
    run = given_up(shop, gateway)
    stranger, viewer = Shop(tenants=["elsewhere"]), Shop(role="viewer")
    assert door(stranger, run, "not_done") in (403, 404)
    assert door(viewer, run, "not_done") == 403
    assert stands()[:2] == ("cancelled", True)
    assert found_rows(shop) == []


@pytest.mark.django_db
def test_whoever_cancels_is_told_of_once(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_charge"] = [GONE]
    charge = undoable("charge", on_unknown="park")
    notice = {"provider": "peer", "action_type": "told"}
    spec = {"name": "order-processing", "trigger": TRIGGER, "steps": [charge], "on_cancel": notice}
    chain_save(spec=spec, actor="test")
    config_versions.reset()
    run = placed(shop, payload=GIVEN_UP)
    settle()
    assert decide(shop, "cancel").status_code == 200
    settle(3)
    assert by_chain(shop, run, "done") == 200
    settle(3)
    assert (len(gateway.calls("undo_charge")), len(gateway.calls("told"))) == (1, 1)


@pytest.mark.django_db
def test_an_operator_settles_it_on_the_page_of_the_order_or_of_the_run(
    shop: Shop, gateway: Gateway, people: People
) -> None:
    groups_ensure()
    run = given_up(shop, gateway)
    found = Order.objects.get()
    operator, viewer = people.client("operator"), people.client("viewer")
    page = page_of(operator, "orders_app_order_change", found.pk)
    assert "charge took effect" in page
    assert "charge did not" in page
    assert "Settle the doubt" in page_of(operator, "chains_app_run_change", run.pk)
    assert "charge took effect" not in page_of(viewer, "orders_app_order_change", found.pk)
    assert "Settle the doubt" not in page_of(viewer, "chains_app_run_change", run.pk)
    assert press(viewer, "orders_app_order_took_no_effect", found, to="charge").status_code == 403
    path = reverse("admin:chains_app_run_settle", args=[run.pk])
    assert viewer.post(path, {"outcome": "done"}).status_code == 403
    assert operator.get(path).status_code == 200
    assert stands()[:2] == ("cancelled", True)
    assert "may be placed anew" in told(
        press(operator, "orders_app_order_took_no_effect", found, to="charge")
    )
    assert "in doubt" in told(press(operator, "orders_app_order_took_effect", found, to="charge"))
    assert not gateway.calls("refund_card")
    assert "Settle the doubt" not in page_of(operator, "chains_app_run_change", run.pk)
    assert "charge took effect" not in page_of(operator, "orders_app_order_change", found.pk)
    assert stands()[:2] == ("cancelled", False)


@pytest.mark.django_db
def test_the_dialog_of_the_run_asks_what_was_found(shop: Shop, gateway: Gateway, people: People) -> None:
    groups_ensure()
    run, operator = given_up(shop, gateway), people.client("operator")
    path = reverse("admin:chains_app_run_settle", args=[run.pk])
    assert 'name="outcome"' in operator.get(path).content.decode()
    assert operator.post(path, {"_form_submitted": "on", "outcome": ""}).status_code == 200  # nothing chosen
    assert stands()[:2] == ("cancelled", True)
    found = {"_form_submitted": "on", "outcome": "not_done", "step": ""}
    assert "Settled" in told(operator.post(path, found))
    assert "nothing of this run is in doubt" in told(operator.post(path, found))
    assert stands()[:2] == ("cancelled", False)


@pytest.mark.django_db
def test_the_command_says_what_is_in_doubt(shop: Shop, gateway: Gateway) -> None:
    run, out = given_up(shop, gateway), StringIO()
    call_command("incidents", "show", str(run.pk), stdout=out)
    assert f"incidents settle {run.pk} --outcome done" in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_settle_one_doubt_one_does_it(shop: Shop, gateway: Gateway) -> None:
    run = given_up(shop, gateway)

    def job(outcome: str) -> Callable[[], str]:
        def act() -> str:
            try:
                doubt_settle(run_id=run.pk, outcome=outcome, actor="p")
            except AppError as error:
                return error.code
            return "settled"

        return act

    told_all: Any = Counter(at_once([job(outcome) for outcome in ("done", "not_done") * 4]))
    assert told_all == {"settled": 1, "NOT_IN_DOUBT": 7}
    settle(3)
    assert len(found_rows(shop)) == 1
    assert len(gateway.calls("refund_card")) <= 1
    assert stands()[:2] == ("cancelled", False)


@pytest.mark.django_db(transaction=True)
def test_of_a_word_that_it_was_done_and_a_retry_one_wins(shop: Shop, gateway: Gateway) -> None:
    run = bare_call(shop, gateway)
    calls = len(gateway.calls("place_order"))
    gateway.script.clear()

    def job(act: Callable[..., Any], **said: str) -> Callable[[], str]:
        def press() -> str:
            try:
                act(run_id=run.pk, actor="p", **said)
            except AppError as error:
                return error.code
            return act.__name__

        return press

    jobs = [job(doubt_settle, outcome="done"), job(run_retry, outcome="not_done")] * 3
    said = Counter(at_once(jobs))
    assert said["doubt_settle"] + said["run_retry"] == 1
    settle(3)
    assert stands()[:2] == ("completed", True)
    assert len(gateway.calls("place_order")) == calls + said["run_retry"]
