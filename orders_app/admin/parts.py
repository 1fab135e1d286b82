"""What the app brings to the admin: pages of the sidebar, cards of the home page. Registered with its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.admin.home import CARDS
from acteon_site.admin.search import SEARCHES
from acteon_site.admin.sidebar import PAGES, Badge, Page
from acteon_site.base.registry import Hook, Registry
from audit_app.admin.live_board import NAMES
from audit_app.analytics.panels import PANELS
from orders_app.admin import dashboard_panels, home_cards, order_names, searches

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CARDS: home_cards.CARDS,
    PANELS: dashboard_panels.PANELS,
    NAMES: (Hook("orders", order_names.names_of),),
    SEARCHES: searches.SEARCHES,
    PAGES: (
        Page(
            "Today",
            1,
            "Approvals",
            "approval",
            "orders_app.approval",
            Badge("warning", home_cards.pending_approvals),
        ),
        Page("Today", 2, "Waiting orders", "schedule", "orders_app.waitingorder"),
        Page("Orders & runs", 3, "Groups", "stacks", "orders_app.actiongroup"),
        Page("Orders & runs", 1, "Orders", "package_2", "orders_app.order"),
        Page("Orders & runs", 4, "Recurring actions", "event_repeat", "orders_app.recurringaction"),
        Page("Configuration", 7, "Approval policies", "approval_delegation", "orders_app.approvalpolicy"),
        Page("Configuration", 4, "Lifecycles", "timeline", "orders_app.lifecycle"),
        Page("Configuration", 5, "Templates", "description", "orders_app.template"),
        Page("Configuration", 6, "Profiles", "article", "orders_app.templateprofile"),
    ),
}
