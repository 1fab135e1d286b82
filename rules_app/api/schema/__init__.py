"""The description of this app's views, one file per group; importing it decorates them."""

from rules_app.api.schema import evaluation, quotas, reloading, rules

__all__ = ["evaluation", "quotas", "reloading", "rules"]
