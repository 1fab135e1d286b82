"""The admin pages of rules, their drafts and versions, their settings, and quotas."""

from rules_app.admin.backtests import BacktestAdmin
from rules_app.admin.drafts import RuleDraftAdmin
from rules_app.admin.quotas import QuotaAdmin
from rules_app.admin.rules import RuleAdmin
from rules_app.admin.settings import RuleSettingsAdmin
from rules_app.admin.versions import RuleSetVersionAdmin

__all__ = [
    "BacktestAdmin",
    "QuotaAdmin",
    "RuleAdmin",
    "RuleDraftAdmin",
    "RuleSetVersionAdmin",
    "RuleSettingsAdmin",
]
