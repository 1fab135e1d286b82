"""The description of this app's views, one file per group; importing it decorates them."""

from orders_app.api.schema import approvals, dispatch, explaining, groups, orders, recurring, templates

__all__ = ["approvals", "dispatch", "explaining", "groups", "orders", "recurring", "templates"]
