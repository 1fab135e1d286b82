"""What the app brings to the admin: pages of the sidebar, a card of the home page. Registered with its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.admin.home import CARDS
from acteon_site.admin.sidebar import PAGES, Badge, Page
from acteon_site.base.registry import Registry
from subscriptions_app.admin import home_cards
from subscriptions_app.selectors import switched_off

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CARDS: home_cards.CARDS,
    PAGES: (
        Page(
            "Configuration",
            3,
            "Subscriptions",
            "webhook",
            "subscriptions_app.subscription",
            Badge("danger", switched_off),
        ),
        Page("Orders & runs", 3, "Deliveries", "outgoing_mail", "subscriptions_app.delivery"),
    ),
}
