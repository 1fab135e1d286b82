"""What the app brings to the admin: pages of the sidebar, cards of the home page. Registered with its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.admin.acts_page import SOURCES
from acteon_site.admin.home import CARDS
from acteon_site.admin.search import SEARCHES
from acteon_site.admin.sidebar import PAGES, Page
from acteon_site.base.registry import Hook, Registry
from audit_app.admin import dashboard_panels, home_cards, searches
from audit_app.admin.acts import acts_in_trail
from audit_app.analytics.panels import PANELS

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CARDS: home_cards.CARDS,
    PANELS: dashboard_panels.PANELS,
    SOURCES: (Hook("trail", acts_in_trail),),
    SEARCHES: searches.SEARCHES,
    PAGES: (
        Page("Today", 6, "Dashboard", "monitoring", "audit_app.dashboard"),
        Page("Today", 5, "Live", "sensors", "audit_app.liveboard"),
        Page("Trail", 1, "Audit", "fact_check", "audit_app.auditrecord"),
        Page("Trail", 2, "Events", "stream", "audit_app.event"),
        Page("Trail", 3, "Legal holds", "gavel", "audit_app.legalhold"),
        Page("Configuration", 7, "Retention", "auto_delete", "audit_app.retentionpolicy"),
        Page("Configuration", 8, "Redaction", "visibility_off", "audit_app.redactedfield"),
    ),
}
