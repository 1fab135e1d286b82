"""The description of this app's views, one file per group; importing it decorates them."""

from rules_app.api.schema import drafts, evaluation, lists, quotas, reloading, rules, trials, versions

__all__ = ["drafts", "evaluation", "lists", "quotas", "reloading", "rules", "trials", "versions"]
