"""The description of this app's views, one file per group; importing it decorates them."""

from rules_app.api.schema import (
    backtests,
    checks,
    drafts,
    evaluation,
    lists,
    muting,
    quotas,
    reloading,
    rules,
    trials,
    versions,
)

__all__ = [
    "backtests",
    "checks",
    "drafts",
    "evaluation",
    "lists",
    "muting",
    "quotas",
    "reloading",
    "rules",
    "trials",
    "versions",
]
