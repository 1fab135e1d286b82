"""The description of this app's views, one file per group; importing it decorates them."""

from rules_app.api.schema import checks, drafts, evaluation, quotas, reloading, rules, versions

__all__ = ["checks", "drafts", "evaluation", "quotas", "reloading", "rules", "versions"]
