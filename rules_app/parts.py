"""What rules and quotas bring to the site and to the apps below. Registered at start-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.base.registry import Hook, Registry
from acteon_site.base.tidying import TIDIES
from acteon_site.config_files.kind import KINDS
from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
from acteon_site.watching.checkups.table import CHECKUPS
from acteon_site.watching.status_parts import STATUS_PARTS
from audit_app.evidence.parts import EVIDENCE
from audit_app.services.reaper import REAPERS, Reaper
from rules_app import checkups, evidence
from rules_app.config_kinds.counters import Counters
from rules_app.config_kinds.lists import NamedLists
from rules_app.config_kinds.quotas import Quotas
from rules_app.config_kinds.rules import Rules
from rules_app.config_kinds.settings import Settings
from rules_app.config_kinds.time_intervals import TimeIntervals
from rules_app.lists.stored import list_names
from rules_app.references import NAMES
from rules_app.services.backtests import reap_backtest_orders, tidy_backtests
from rules_app.services.gates import tidy_gates
from rules_app.services.list_entries import tidy_lists
from rules_app.services.silence_reaping import reap_silences
from rules_app.services.trial_counts import trials_tidy
from rules_app.services.trial_reaping import reap_trials

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CHECKUPS: checkups.CHECKUPS,
    STATUS_PARTS: (Hook("orders", checkups.orders_status),),
    EVIDENCE: evidence.EVIDENCE,
    KINDS: (Settings(), NamedLists(), Counters(), TimeIntervals(), Rules(), Quotas()),
    NAMES: (Hook("lists", list_names),),
    TIDIES: (
        Hook("gates", tidy_gates),
        Hook("lists", tidy_lists),
        Hook("trials of rules", trials_tidy),
        Hook("backtests", tidy_backtests),
    ),
    REAPERS: (
        Reaper("trials of rules", reap_trials, "retention_deleted_audit"),
        Reaper("backtests", reap_backtest_orders, "retention_deleted_audit"),
        Reaper("silences", reap_silences),
    ),
    DESCRIPTIONS: (Description("rules_app.api.schema"),),
}
