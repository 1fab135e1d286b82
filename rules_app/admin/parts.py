"""What the app brings to the admin: pages of the sidebar, cards of the home page. Registered with its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.admin.home import CARDS
from acteon_site.admin.search import SEARCHES
from acteon_site.admin.sidebar import PAGES, Badge, Page
from acteon_site.base.registry import Registry
from rules_app.admin import home_cards, searches
from rules_app.drafts import open_drafts

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CARDS: home_cards.CARDS,
    SEARCHES: searches.SEARCHES,
    PAGES: (
        Page("Rules", 1, "Rules", "rule", "rules_app.rule"),
        Page("Rules", 2, "Drafts", "edit_note", "rules_app.ruledraft", Badge("info", open_drafts)),
        Page("Rules", 3, "Backtests", "history_toggle_off", "rules_app.backtest"),
        Page("Rules", 4, "Versions", "history", "rules_app.rulesetversion"),
        Page("Rules", 5, "Lists", "list_alt", "rules_app.namedlist"),
        Page("Rules", 6, "Counters", "pin", "rules_app.rulecounter"),
        Page("Rules", 7, "Rule settings", "tune", "rules_app.rulesettings"),
        Page("Rules", 8, "Quotas", "speed", "rules_app.quota"),
        Page("Rules", 9, "Silences", "notifications_off", "rules_app.silence"),
        Page("Rules", 10, "Time intervals", "schedule", "rules_app.timeinterval"),
    ),
}
