"""The live board: what it begins with and the frames that follow come to the rows, each once."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client, RequestFactory
from django.utils import timezone

from acteon_site.access.session_standing import session_principal
from acteon_site.access.standing import standing
from audit_app.models import AuditRecord, Event
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.services import relay as relaying
from audit_app.services.journal import Journal
from audit_app.services.relay import relay
from audit_app.services.rollups import rollups_fold
from audit_app.stream import reading
from audit_app.stream.board import board_at
from chains_app.services.advance import runs_sweep
from orders_app.models import Hold, Order
from orders_app.services.decisions import Verdict
from orders_app.services.releases import approval_decide, holds_sweep
from orders_app.states import Decision
from tests.audit_app.analytics.world import ORDER
from tests.audit_app.conftest import CALLER, SHOP, STRANGER, note
from tests.people import People
from tests.world import CLOSED_HOURS, SCOPE, Shop, order

pytestmark = pytest.mark.django_db
PAGE = "/admin/audit_app/liveboard/"
BERLIN = ZoneInfo("Europe/Berlin")


def count(scope: dict[str, str], number: int = 0) -> int:
    """Frames of dispatches after that number, as the board's stream sends them."""
    frames = reading.frames_after(number, limit=500)
    return sum(all(getattr(frame, name) == value for name, value in scope.items()) for frame in frames)


def row_alone(outcome: str) -> None:
    """A row that no frame of a dispatch belongs to: so numbers of rows and of events go apart."""
    with transaction.atomic():
        journal = Journal(CALLER)
        journal.audit(SHOP, outcome=outcome, verdict="chain")
        journal.write()


@pytest.mark.parametrize("scope", [{}, {"namespace": SHOP.namespace, "tenant": SHOP.tenant}])
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 9])
def test_its_beginning_and_the_frames_after_it_count_each_order_once(
    monkeypatch: pytest.MonkeyPatch, scope: dict[str, str], turns: int
) -> None:
    monkeypatch.setattr(relaying, "BATCH", 3)
    monkeypatch.setattr(relaying, "MOST_BATCHES", 1)
    for index in range(6):
        row_alone("chain_completed")
        note(SHOP)
        note(STRANGER, outcome="suppressed", verdict="deny")
        if index < turns:
            relay()
        if index % 2:
            rollups_fold()
    begun = board_at(timezone.now(), BERLIN, {name: [value] for name, value in scope.items()})
    assert (
        sum(begun.minutes.values()) == sum(begun.today.values()) == count(scope) - count(scope, begun.number)
    )
    note(SHOP)
    monkeypatch.setattr(relaying, "MOST_BATCHES", 50)
    relay()
    rows = AuditRecord.objects.filter(outcome__in=("executed", "suppressed"), **scope).count()
    assert sum(begun.today.values()) + count(scope, begun.number) == rows == (13 if not scope else 7)


def test_the_page_begins_with_what_was_counted_and_asks_what_the_newest_were_worth() -> None:
    viewer = People().client("viewer")
    note(SHOP, payload=ORDER)
    relay()
    page = viewer.get(PAGE).content.decode()
    assert 'id="live-settings"' in page
    assert "live.js" in page
    state = viewer.get(PAGE + "state/").json()
    assert (state["number"], state["today"], state["behind"]) == (1, {"executed": 1}, False)
    assert viewer.get(PAGE + "state/", {"scope": "ecommerce:other-store"}).json()["today"] == {}
    worths = viewer.get(PAGE + "orders/", {"id": ["order-1", "none"]}).json()
    assert worths == {"ecommerce\nacme-store\norder-1": {"worth": "€12.50"}}


def test_it_names_the_order_of_an_action_and_leads_to_its_page(shop: Shop) -> None:
    shop.dispatch(order(id="act-1", payload={"order_id": "ORD-1"}))
    key = f"{SCOPE['namespace']}\n{SCOPE['tenant']}\nact-1"
    placed = Order.objects.get()

    def told(client: Client) -> dict[str, str]:
        about: dict[str, str] = client.get(PAGE + "orders/", {"id": ["act-1"]}).json()[key]
        return about

    viewer = People().client("viewer")
    assert (told(viewer)["name"], viewer.get(told(viewer)["url"]).status_code) == ("ORD-1", 200)
    assert str(placed.pk) in told(viewer)["url"]
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_auditrecord"))
    client = Client()
    client.force_login(reader)
    assert "name" not in told(client), "who may not see orders is told none"


@pytest.mark.django_db(transaction=True)  # who opens a stream gives its connection back
def test_nobody_else_sees_it() -> None:
    stranger = People().client("nobody of these")
    for path in ("", "state/", "orders/"):
        assert stranger.get(PAGE + path).status_code == 403
        assert Client().get(PAGE + path).status_code == 302
    for client in (stranger, Client()):
        refused = client.get(PAGE + "stream/")
        assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.django_db(transaction=True)
def test_its_stream_is_the_sessions_and_ends_with_it() -> None:
    viewer = People().client("viewer")
    opened = viewer.get(PAGE + "stream/", {"after": "0"})
    assert (opened.status_code, opened.headers["Content-Type"]) == (200, "text/event-stream")
    opened.close()
    request = RequestFactory().get("/")
    request.user, request.session = User.objects.get(username="viewer"), viewer.session
    caller = session_principal(request, "audit_app.view_auditrecord")
    assert caller is not None
    assert standing([caller]) == {caller}
    request.user.groups.clear()
    assert standing([caller]) == set()
    request.user.groups.set(Group.objects.filter(name="viewer"))
    assert standing([caller]) == {caller}
    viewer.logout()
    assert standing([caller]) == set()


def test_each_outcome_of_a_dispatch_or_release_has_one_row_and_one_frame(shop: Shop) -> None:
    """On this stands what the board subtracts."""
    shop.place()
    shop.place(payload={"shipping_country": "NK"})
    scheduled = shop.place(now=CLOSED_HOURS)
    shop.batch([order(), order(action_type="no_such_order", provider="payment-gateway")])
    held = Hold.objects.get(pk=shop.place(payload={"total_cents": 75_000})["PendingApproval"]["approval_id"])
    approval_decide(hold_id=held.pk, verdict=Verdict(Decision.APPROVE, "ann", CALLER))
    assert "Scheduled" in scheduled
    Hold.objects.filter(kind="schedule").update(next_run_at=timezone.now(), due_at=timezone.now())
    holds_sweep()
    runs_sweep()
    rows = AuditRecord.objects.filter(outcome__in=DISPATCH_OUTCOMES)
    events = Event.objects.filter(type="action_dispatched")
    assert rows.count() == events.count() >= 8
    begun = board_at(timezone.now(), BERLIN, {})
    assert sum(begun.today.values()) == 0
    relay()
    assert sum(board_at(timezone.now(), BERLIN, {}).today.values()) == rows.count()
