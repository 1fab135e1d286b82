"""What is stored already survives a migration."""

from __future__ import annotations

import pytest
from django.core.management import call_command

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
