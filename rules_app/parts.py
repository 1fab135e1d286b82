"""What rules and quotas bring to the site and to the apps below. Registered at start-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.admin.home import CARDS
from acteon_site.admin.sidebar import PAGES, Badge, Page
from acteon_site.base.registry import Hook, Registry
from acteon_site.base.tidying import TIDIES
from acteon_site.config_files.kind import KINDS
from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
from audit_app.services.reaper import REAPERS, Reaper
from rules_app import home_cards
from rules_app.config_kinds.quotas import Quotas
from rules_app.config_kinds.rules import Rules
from rules_app.config_kinds.settings import Settings
from rules_app.drafts import open_drafts
from rules_app.services.backtests import reap_backtest_orders, tidy_backtests
from rules_app.services.gates import tidy_gates

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    KINDS: (Settings(), Rules(), Quotas()),
    TIDIES: (Hook("gates", tidy_gates), Hook("backtests", tidy_backtests)),
    REAPERS: (Reaper("backtests", reap_backtest_orders, "retention_deleted_audit"),),
    CARDS: home_cards.CARDS,
    PAGES: (
        Page("Rules", 1, "Rules", "rule", "rules_app.rule"),
        Page("Rules", 2, "Drafts", "edit_note", "rules_app.ruledraft", Badge("info", open_drafts)),
        Page("Rules", 3, "Backtests", "history_toggle_off", "rules_app.backtest"),
        Page("Rules", 4, "Versions", "history", "rules_app.rulesetversion"),
        Page("Rules", 5, "Rule settings", "tune", "rules_app.rulesettings"),
        Page("Rules", 6, "Quotas", "speed", "rules_app.quota"),
    ),
    DESCRIPTIONS: (Description("rules_app.api.schema"),),
}
