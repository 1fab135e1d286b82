"""Orders whose lifecycle state has lasted too long."""

from __future__ import annotations

from acteon_site.base.clock import db_now
from orders_app.models import Order
from orders_app.services.transitions import order_time_out


def orders_time_out(*, limit: int = 200) -> int:
    """Move what is overdue, oldest first. Returns how many moved."""
    due = Order.objects.filter(timeout_at__lte=db_now()).order_by("timeout_at")
    return sum(order_time_out(order_id=pk) for pk in list(due.values_list("pk", flat=True)[:limit]))
