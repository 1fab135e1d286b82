"""What is stored already survives a migration."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

from acteon_site.base.ids import new_id
from orders_app.models import Action, Order
from tests.world import Shop, load_shop, tag


@pytest.mark.django_db(transaction=True)
def test_actions_and_orders_that_were_stored_earlier_get_their_provider() -> None:
    load_shop()
    assert tag(Shop().place(id="earlier")) == "Executed"
    call_command("migrate", "orders_app", "0001", verbosity=0)
    call_command("migrate", "orders_app", verbosity=0)
    assert Action.objects.get(action_id="earlier").provider == "payment-gateway"
    assert Order.objects.get().provider == "payment-gateway"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("orders_app_action", "provider"),
        ("orders_app_action", "replay_of"),
        ("orders_app_order", "provider"),
    ],
)
def test_processes_of_an_earlier_release_can_still_insert(table: str, column: str) -> None:
    """They leave out columns that they do not know."""
    load_shop()
    Shop().place(id="earlier")
    names = {"orders_app_action": Action, "orders_app_order": Order}[table]._meta.concrete_fields
    given = {str(field.column): str(field.column) for field in names if field.column != column}
    given["id"] = f"'{new_id() if connection.vendor == 'postgresql' else new_id().hex}'"
    given |= {"living": "false"} if "living" in given else {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(given)}) SELECT {', '.join(given.values())} FROM {table}"
        )
        cursor.execute(f"SELECT count(*) FROM {table} WHERE {column} = ''")
        assert cursor.fetchone()[0] >= 1
