"""The admin pages of rules, their drafts and versions, their settings, the lists that they ask, and quotas."""

from acteon_site.base.registry import register
from rules_app.admin.backtests import BacktestAdmin
from rules_app.admin.counters import RuleCounterAdmin
from rules_app.admin.drafts import RuleDraftAdmin
from rules_app.admin.lists import NamedListAdmin
from rules_app.admin.parts import PARTS
from rules_app.admin.quotas import QuotaAdmin
from rules_app.admin.rules import RuleAdmin
from rules_app.admin.settings import RuleSettingsAdmin
from rules_app.admin.silences import SilenceAdmin
from rules_app.admin.time_intervals import TimeIntervalAdmin
from rules_app.admin.versions import RuleSetVersionAdmin

__all__ = [
    "BacktestAdmin",
    "NamedListAdmin",
    "QuotaAdmin",
    "RuleAdmin",
    "RuleCounterAdmin",
    "RuleDraftAdmin",
    "RuleSetVersionAdmin",
    "RuleSettingsAdmin",
    "SilenceAdmin",
    "TimeIntervalAdmin",
]

register(PARTS)
