"""Lists by position, and as files: nothing twice, nothing left out, only what may be seen, safe in a spreadsheet."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterable
from itertools import chain
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from acteon_site.admin import exports
from audit_app.admin.records import AuditRecordAdmin
from audit_app.models import AuditRecord
from tests.people import PRIVATE, People, always_open, held
from tests.world import SCOPE, Shop, utc

AT = utc("2026-03-04T16:00:00Z")
AUDIT = "/admin/audit_app/auditrecord/"


def records(count: int, minute: int = 0, **values: Any) -> list[AuditRecord]:
    """Two of each second."""
    made = [
        AuditRecord(
            **{**SCOPE, "action_id": f"a-{n}", "verdict": "allow", "outcome": "executed", **values},
            dispatched_at=AT.replace(minute=minute, second=n // 2),
        )
        for n in range(count)
    ]
    return AuditRecord.objects.bulk_create(made)


@pytest.fixture
def boss(people: People) -> Client:
    return people.client()


@pytest.fixture
def threes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AuditRecordAdmin, "list_per_page", 3)
    monkeypatch.setattr(exports, "PAGE", 3)


def walked(client: Client, query: str, way: str) -> list[list[str]]:
    pages = []
    while True:
        with CaptureQueriesContext(connection) as caught:
            listed = client.get(AUDIT + query).context["cl"]
        assert not any("OFFSET" in asked["sql"] for asked in caught)
        pages.append([row.action_id for row in listed.result_list])
        query = getattr(listed, way)
        if not query:
            return pages


@pytest.mark.parametrize("count", [1, 3, 8])
def test_pages_forward_and_back_show_each_row_once_in_order(boss: Client, threes: None, count: int) -> None:
    records(count)
    newest = list(AuditRecord.objects.order_by("-dispatched_at", "-id").values_list("action_id", flat=True))
    assert all_of(walked(boss, "", "older")) == newest
    backwards = walked(boss, "?last=1", "newer")
    assert all_of(reversed(backwards)) == newest


def test_a_page_stays_what_it_was_while_new_rows_come(boss: Client, threes: None) -> None:
    records(6)
    older = boss.get(AUDIT).context["cl"].older
    before = [row.pk for row in boss.get(AUDIT + older).context["cl"].result_list]
    records(6, minute=1)
    assert [row.pk for row in boss.get(AUDIT + older).context["cl"].result_list] == before


def test_filters_stay_on_the_way_and_a_cut_address_begins_anew(boss: Client, threes: None) -> None:
    records(5)
    records(5, outcome="failed")
    shown = all_of(walked(boss, "?outcome=failed", "older"))
    assert len(shown) == 5
    for cut in ("after=%5B", "after=[]", "before=x", 'after=["x","y"]', "after=[[[", "p=4"):
        assert len(boss.get(f"{AUDIT}?{cut}").context["cl"].result_list) == 3, cut


def all_of(pages: Iterable[list[str]]) -> list[str]:
    return list(chain.from_iterable(pages))


def read_export(client: Client, url: str, **query: str) -> list[dict[str, Any]]:
    answer = client.get(f"{url}export/", query)
    assert answer.status_code == 200, answer
    text = b"".join(answer).decode("utf-8-sig")  # type: ignore[arg-type, attr-defined]
    if query.get("format") == "jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_has_what_the_list_shows_under_its_filters(boss: Client, threes: None, kind: str) -> None:
    records(8)
    records(4, outcome="failed")
    rows = read_export(boss, AUDIT, format=kind, outcome="failed")
    assert [row["action_id"] for row in rows] == all_of(walked(boss, "?outcome=failed", "older"))
    assert {row["outcome"] for row in rows} == {"failed"}
    assert len(read_export(boss, AUDIT, format=kind)) == 12


def test_no_cell_of_an_export_is_a_formula(boss: Client) -> None:
    records(1, action_id="=HYPERLINK(1)", matched_rule=" @x", caller_id="\uff1d1", duration_ms=-5)
    (row,) = read_export(boss, AUDIT)
    assert (row["action_id"], row["matched_rule"]) == ("'=HYPERLINK(1)", "' @x")
    assert (row["caller_id"], row["duration_ms"]) == ("'\uff1d1", "-5")
    (plain,) = read_export(boss, AUDIT, format="jsonl")
    assert plain["action_id"] == "=HYPERLINK(1)"


def test_each_list_that_has_an_export_gives_it_redacted_and_to_nobody_else(
    boss: Client, people: People, shop: Shop
) -> None:
    always_open()
    shop.place()
    held(shop)
    nobody = people.client("nobody's group")
    for name in ("orders_app_order", "orders_app_approval", "orders_app_waitingorder", "chains_app_run",
                 "chains_app_deadletter", "audit_app_auditrecord", "audit_app_event"):  # fmt: skip
        url = reverse(f"admin:{name}_changelist")
        for kind in ("csv", "jsonl"):
            rows = read_export(boss, url, format=kind)
            assert not any(secret in str(rows) for secret in PRIVATE), name
        assert nobody.get(f"{url}export/").status_code == 403, name
        assert Client().get(f"{url}export/").status_code == 302, name
    orders = read_export(boss, reverse("admin:orders_app_order_changelist"))
    assert {row["amount"] for row in orders} == {"$79.99", "$750.00"}
    assert boss.get(f"{AUDIT}export/", {"format": "xml"}).status_code == 400


def test_an_export_costs_a_statement_for_each_page_of_rows(boss: Client, threes: None) -> None:
    records(9)
    read_export(boss, AUDIT)
    with CaptureQueriesContext(connection) as few:
        read_export(boss, AUDIT)
    records(9)
    with CaptureQueriesContext(connection) as more:
        read_export(boss, AUDIT)
    assert len(more) - len(few) == 3


@pytest.mark.django_db(transaction=True)
def test_a_server_of_the_asgi_sort_sends_an_export_piece_by_piece(threes: None) -> None:
    records(7)
    boss = People().client()
    client = AsyncClient()
    client.cookies = boss.cookies

    async def read() -> list[bytes]:
        answer = await client.get(f"{AUDIT}export/")
        pieces = [piece async for piece in answer]  # type: ignore[attr-defined]

        await sync_to_async(connections.close_all)()  # of the thread that read the rows
        return pieces

    pieces = asyncio.run(read())
    assert [piece.count(b"\n") for piece in pieces] == [1, 3, 3, 1]
