"""What the app brings to the admin: pages of the sidebar, cards of the home page. Registered with its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.admin.home import CARDS
from acteon_site.admin.search import SEARCHES
from acteon_site.admin.sidebar import PAGES, Badge, Page
from acteon_site.base.registry import Registry
from audit_app.analytics.panels import PANELS
from chains_app.admin import dashboard_panels, home_cards, searches
from chains_app.services.repair import dead_letters, open_incidents

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CARDS: home_cards.CARDS,
    PANELS: dashboard_panels.PANELS,
    SEARCHES: searches.SEARCHES,
    PAGES: (
        Page(
            "Today",
            3,
            "Incidents",
            "warning",
            "chains_app.incident",
            Badge("danger", open_incidents),
        ),
        Page(
            "Today",
            4,
            "Dead letters",
            "report",
            "chains_app.deadletter",
            Badge("warning", dead_letters),
        ),
        Page("Orders & runs", 2, "Runs", "conversion_path", "chains_app.run"),
        Page("Configuration", 1, "Chains", "account_tree", "chains_app.chaindefinition"),
        Page("Configuration", 2, "Providers", "dns", "chains_app.provider"),
        Page("Configuration", 3, "Circuit breakers", "electrical_services", "chains_app.circuitbreaker"),
    ),
}
