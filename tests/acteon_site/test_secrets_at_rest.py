"""Canaries: card data and secrets are looked for in every column, log line and message, and must not be there."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection

from acteon_site.base import doorbell
from chains_app.models import Provider
from chains_app.services.advance import runs_sweep
from chains_app.services.providers import provider_save
from orders_app.models import Action
from tests.world import Shop, order

CARD, LAST4, ZIP, NAME = "4111111111111111", "4242", "9410777", "Ada Canary Lovelace"


def rows_as_text() -> Iterator[tuple[str, str]]:
    """Every table as the database holds it."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                yield table, " ".join(_text(value) for value in row)


def _text(value: Any) -> str:
    return bytes(value).decode("latin-1") if isinstance(value, (bytes, memoryview)) else str(value)


def place(shop: Shop, **more: Any) -> None:
    payload = {"card_number": CARD, "card_last4": LAST4, "billing_zip": ZIP, "customer_name": NAME, **more}
    shop.dispatch(order(payload=payload))


def test_card_data_stands_nowhere_in_the_database(shop: Shop) -> None:
    place(shop, note=f"my card is 4111 1111 1111 1111, zip {ZIP}")
    place(shop, total_cents=70_000)
    place(shop, shipping_country="SY")
    runs_sweep()
    for table, text in rows_as_text():
        for canary in (CARD, ZIP, "4111 1111 1111 1111"):
            assert canary not in text, table


def test_payloads_are_encrypted_where_they_are_kept_whole(shop: Shop) -> None:
    place(shop)
    assert Action.objects.get().body["payload"]["card_number"] == CARD
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM orders_app_action")
        raw = bytes(cursor.fetchone()[0])
    assert raw.startswith(b"gAAAA")
    assert CARD.encode() not in raw


def test_provider_headers_are_encrypted(shop: Shop) -> None:
    spec = {
        "name": "stripe",
        "type": "webhook",
        "url": "https://api.example.com/v1/charges",
        "headers": {"Authorization": "Bearer sk_live_canary"},
    }
    provider_save(spec=spec, actor="test")
    assert Provider.objects.get(name="stripe").secrets["headers"]["Authorization"] == "Bearer sk_live_canary"
    assert all("sk_live_canary" not in text for _, text in rows_as_text())


def test_log_lines_and_task_messages_hold_no_card(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    monkeypatch.setattr(
        doorbell.current_app,
        "send_task",
        lambda *args, **kwargs: heard.append(repr((args, kwargs))),
        raising=False,
    )
    try:
        place(shop)
        place(shop, total_cents=70_000)
        runs_sweep()
    finally:
        logging.getLogger().removeHandler(handler)
    for canary in (CARD, ZIP, NAME):
        assert canary not in stream.getvalue() + "".join(heard)


def test_keys_are_rotated_and_the_old_one_may_go(shop: Shop, settings: Any) -> None:
    place(shop)
    fields = [
        field
        for model in apps.get_models()
        for field in model._meta.fields
        if field.__class__.__name__.startswith("Encrypted")
    ]
    old = settings.FERNET_KEYS
    try:
        _use_keys(settings, fields, ["new-key", *old])
        call_command("rotate_keys", stdout=io.StringIO())
        _use_keys(settings, fields, ["new-key"])
        assert Action.objects.get().body["payload"]["card_number"] == CARD
    finally:
        _use_keys(settings, fields, old)


def _use_keys(settings: Any, fields: list[Any], keys: list[str]) -> None:
    settings.FERNET_KEYS = keys
    for field in fields:
        for cached in ("keys", "fernet_keys", "fernet"):
            field.__dict__.pop(cached, None)


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"FERNET_KEYS": []}, "acteon.E001"),
        ({"LOOKUP_HASH_KEY": ""}, "acteon.E002"),
        ({"APPROVAL_KEYS": {}}, "acteon.E003"),
        ({"APPROVAL_KEYS": {"k": "short"}}, "acteon.E003"),
        ({"MODE": "production", "EMBEDDED": False, "REDIS_URL": ""}, "acteon.E012"),
        ({"MODE": "production", "EMBEDDED": False, "API_OPEN_ON_LOOPBACK": True}, "acteon.E013"),
        ({"MODE": "prod"}, "acteon.E010"),
    ],
)
def test_it_does_not_start_unsafe(settings: Any, changes: dict[str, Any], check: str) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    assert check in [message.id for message in run_checks()]
