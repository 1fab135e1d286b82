"""Rules and all that belongs to them, as rows."""

from rules_app.models.backtests import Backtest, BacktestOrder
from rules_app.models.drafts import RuleDraft, RuleDraftChange
from rules_app.models.gates import GateRow, Quota
from rules_app.models.lists import ListEntry, NamedList
from rules_app.models.muting import Silence, TimeInterval
from rules_app.models.rules import MAX_REASON, Rule, RuleCounter, RuleSettings, RuleSetVersion
from rules_app.models.trials import RuleTrial, RuleTrialCount

__all__ = [
    "MAX_REASON",
    "Backtest",
    "BacktestOrder",
    "GateRow",
    "ListEntry",
    "NamedList",
    "Quota",
    "Rule",
    "RuleCounter",
    "RuleDraft",
    "RuleDraftChange",
    "RuleSetVersion",
    "RuleSettings",
    "RuleTrial",
    "RuleTrialCount",
    "Silence",
    "TimeInterval",
]
