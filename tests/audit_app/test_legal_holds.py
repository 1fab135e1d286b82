"""While a legal hold stands, nothing of what it names is deleted; who placed and lifted it stands in the trail."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError
from audit_app.models import AuditRecord, Event, LegalHold, RetentionPolicy, Rollup
from audit_app.services import reaper
from audit_app.services.legal_holds import legal_hold_lift, legal_hold_place
from audit_app.services.relay import relay
from audit_app.services.verify import audit_verify
from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from orders_app.models import Action, Order
from tests.audit_app.conftest import CALLER
from tests.world import SCOPE, Shop, order

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 1, 1, tzinfo=UTC)
TTLS = dict.fromkeys(("audit_ttl_seconds", "state_ttl_seconds", "event_ttl_seconds"), 60)
ELSEWHERE = {"namespace": "ecommerce", "tenant": "elsewhere"}


@pytest.fixture
def orders(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two orders that have ended, and all of whose time is over; and one of another shop."""
    for name in ("held", "other"):
        shop.place(payload={"order_id": name}, id=f"act-{name}", dedup_key=name)
    shop.dispatch({**order(payload={"order_id": "theirs"}), **ELSEWHERE, "id": "act-theirs"})
    for _ in range(4):
        runs_sweep()
    Order.objects.update(finished_at=db_now())
    relay()
    for scope in (SCOPE, ELSEWHERE):
        RetentionPolicy.objects.create(**scope, **TTLS)
    later = db_now() + timedelta(days=3)
    monkeypatch.setattr(reaper, "db_now", lambda: later)
    return ["held", "other"]


def place(**changes: Any) -> LegalHold:
    return legal_hold_place(**{**SCOPE, "reason": "case 4711", "source": CALLER, **changes})


def left() -> dict[str, set[str]]:
    return {
        "orders": set(Order.objects.values_list("fingerprint", flat=True)),
        "runs": set(Run.objects.values_list("action_id", flat=True)),
        "originals": set(Action.objects.values_list("action_id", flat=True)),
        "events": set(Event.objects.exclude(action_id="").values_list("action_id", flat=True)),
        "records": set(
            AuditRecord.objects.exclude(outcome="state_changed").values_list("action_id", flat=True)
        ),
    }


def test_all_of_a_tenant_stays_while_a_hold_stands_and_goes_once_it_is_lifted(orders: list[str]) -> None:
    before = left()
    first, second = place(), place(reason="case 4712")
    reaper.reap()
    assert {"act-held", "act-other"} <= left()["runs"]
    assert "act-theirs" not in left()["runs"]
    assert left()["records"] == before["records"] - {"act-theirs"}
    legal_hold_lift(hold_id=first.pk, reason="closed", source=CALLER)
    reaper.reap()
    assert {"act-held", "act-other"} <= left()["originals"], "another hold stands"
    legal_hold_lift(hold_id=second.pk, reason="closed", source=CALLER)
    reaper.reap()
    reaper.reap()
    assert {name: found for name, found in left().items() if found} == {}


def test_a_hold_of_a_namespace_keeps_all_its_tenants(orders: list[str]) -> None:
    before = left()
    place(tenant="*")
    reaper.reap()
    assert left() == before


def test_a_hold_of_one_order_keeps_that_order_and_lets_the_others_go(orders: list[str]) -> None:
    hold = place(order_name="held")
    reaper.reap()
    reaper.reap()
    stayed = left()
    assert stayed["orders"] == {"held"}
    assert stayed["runs"] == stayed["originals"] == stayed["events"] == {"act-held"}
    # The chain of hashes that is left must stay whole: what came after the held order's first record stays with it.
    assert stayed["records"] == {"act-held", "act-other"}
    assert audit_verify(**SCOPE).valid
    legal_hold_lift(hold_id=hold.pk, reason="closed", source=CALLER)
    reaper.reap()
    reaper.reap()
    assert left()["orders"] == set()
    assert audit_verify(**SCOPE).valid


def test_a_hold_of_a_time_keeps_what_was_there_then_and_lets_the_rest_go(orders: list[str]) -> None:
    for model, *columns in (
        (Order, "created_at", "finished_at"),
        (Run, "started_at", "ended_at"),
        (Action, "received_at"),
        (Event, "created_at"),
    ):
        name = "action_id_text" if model is Order else "action_id"
        for column in columns:
            rows = model._default_manager.filter(**{name: "act-other"})
            rows.update(**{column: F(column) - timedelta(days=30)})
    now = db_now()
    place(held_from=now - timedelta(hours=1), held_until=now + timedelta(hours=1))
    place(held_until=now - timedelta(days=300))
    for _ in range(2):
        reaper.reap()
    stayed = left()
    assert stayed["orders"] == {"held"}
    assert stayed["runs"] == stayed["originals"] == stayed["events"] == {"act-held"}
    assert stayed["records"] == {"act-held", "act-other"}, "they are of that time, and a chain stays whole"
    assert Rollup.objects.filter(tenant=SCOPE["tenant"]).exists()
    (noted, _) = AuditRecord.objects.filter(action_type="legal_hold").order_by("id")
    assert noted.outcome_details["time"]["until"].startswith(str((now + timedelta(hours=1)).date()))
    for hold in LegalHold.objects.all():
        legal_hold_lift(hold_id=hold.pk, reason="closed", source=CALLER)
    for _ in range(2):
        reaper.reap()
    assert {name: found for name, found in left().items() if found} == {}


def test_the_trail_says_who_placed_and_lifted_it_and_why(orders: list[str]) -> None:
    hold = place(order_name="held")
    legal_hold_lift(hold_id=hold.pk, reason="closed", source=CALLER)
    noted = AuditRecord.objects.filter(action_type="legal_hold").order_by("id")
    told = [(row.caller_id, row.outcome_details["change"], row.outcome_details["reason"]) for row in noted]
    assert told == [("key:shop", "placed", "case 4711"), ("key:shop", "lifted", "closed")]
    relay()
    assert Shop().get("/metrics").json()["state_changed"] == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"namespace": ""}, "namespace"),
        ({"tenant": "a:b"}, "tenant"),
        ({"tenant": "*", "order_name": "x"}, "tenant"),
        ({"order_name": " x"}, "order_name"),
        ({"order_name": "x", "held_from": T0}, "held_from"),
        ({"held_until": T0, "held_from": T0}, "held_until"),
    ],
)
def test_a_hold_that_cannot_be_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(AppError) as refused:
        place(**changes)
    assert [problem.field for problem in refused.value.details] == [field]
    assert not LegalHold.objects.exists()


def test_it_is_lifted_once_and_never_without_a_reason() -> None:
    hold = place()
    with pytest.raises(AppError, match="reason"):
        legal_hold_lift(hold_id=hold.pk, reason="", source=CALLER)
    legal_hold_lift(hold_id=hold.pk, reason="closed", source=CALLER)
    with pytest.raises(AppError, match="lifted already, by key:shop"):
        legal_hold_lift(hold_id=hold.pk, reason="again", source=CALLER)


def test_the_command_places_lists_and_lifts() -> None:
    def run(*words: str) -> str:
        out = StringIO()
        call_command("legal_hold", *words, stdout=out)
        return out.getvalue()

    said = run("place", "--namespace=ecommerce", "--tenant=acme-store", "--order=ORD-7", "--reason=case 1")
    pk = said.split()[0]
    assert [(row["id"], row["order"]) for row in json.loads(run("list", "--json"))] == [(pk, "ORD-7")]
    assert "ORD-7" in run("list")
    timed = ("--from=2026-01-01", "--until=2026-02-01T00:00:00Z", "--reason=case 2")
    assert "from 2026-01-01 00:00:00 UTC" in run("place", "--namespace=ecommerce", "--tenant=*", *timed)
    run("lift", json.loads(run("list", "--json"))[0]["id"], "--reason=closed")
    run("lift", pk, "--reason=closed")
    assert json.loads(run("list", "--json")) == []
    assert json.loads(run("list", "--all", "--json"))[0]["lift_reason"] == "closed"
    with pytest.raises(CommandError, match="lifted already"):
        run("lift", pk, "--reason=closed")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_hold_waits_for_a_batch_under_way_and_stops_the_next(
    in_threads: Callable[[list[Callable[[], Any]]], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    policy = RetentionPolicy.objects.create(**SCOPE, **TTLS)
    begun, placed = threading.Event(), threading.Event()
    seen: list[bool] = []

    def reap(*_: Any) -> int:
        begun.set()
        seen.append(placed.wait(0.5))
        return 1

    def hold() -> None:
        begun.wait(60)
        place()
        placed.set()

    slow = reaper.Reaper("slow", reap)
    in_threads([lambda: reaper._reap_kind(policy, slow, db_now()), hold])
    assert seen == [False], "it was placed while a batch deleted"
    reaper._reap_kind(policy, slow, db_now())
    assert len(seen) == 1, "a batch began although it stands"
