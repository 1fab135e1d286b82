"""What the examples share."""

from __future__ import annotations

from acteon_site.http.openapi import enum, query
from orders_app.states import HoldStatus

HOLD_STATUS = query("status", enum(*HoldStatus.values))
