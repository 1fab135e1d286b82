"""An order's page gives it as a test of the rules, which then holds."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from django.core.management import call_command

from audit_app.models import AuditRecord
from orders_app.models import Order
from tests.people import HIGH, PRIVATE, People, page_of
from tests.world import CLOSED_HOURS, FIXTURES, Shop

PAGE = "orders_app_order_change"


def shown_test(people: People, order: Order) -> str:
    page = page_of(people.client(), PAGE, order.pk)
    found = re.search(r'id="rule-test">(.*?)</pre>', page, re.S)
    return html.unescape(found[1]) if found else ""


@pytest.mark.parametrize("payload", [{}, HIGH])
def test_an_order_as_a_test_holds_against_the_same_rules(
    shop: Shop, people: People, tmp_path: Path, payload: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.place(payload=payload)
    order = Order.objects.get()
    # The rules ran by another clock than the trail's, as only tests and demos can have it.
    AuditRecord.objects.update(dispatched_at="2026-03-04T16:00:00Z")
    text = shown_test(people, order)
    assert order.fingerprint in text
    assert not [secret for secret in PRIVATE if f'"{secret}"' in text or f" {secret}" in text]
    (tmp_path / "order.yaml").write_text(text)
    call_command(
        "test_rules", str(FIXTURES / "rules"), str(FIXTURES / "settings.yaml"), str(tmp_path / "order.yaml")
    )
    assert "1 passed, 0 failed" in capsys.readouterr().out


def test_an_order_whose_dispatch_the_trail_no_longer_has_gives_none(shop: Shop, people: People) -> None:
    shop.place(now=CLOSED_HOURS)
    AuditRecord.objects.all().delete()
    assert shown_test(people, Order.objects.get()) == ""
