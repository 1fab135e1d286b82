"""The description of this app's views, one file per group; importing it decorates them."""

from rules_app.api.schema import drafts, evaluation, quotas, reloading, rules, trials, versions

__all__ = ["drafts", "evaluation", "quotas", "reloading", "rules", "trials", "versions"]
