"""The pages of subscriptions, and their parts."""

from acteon_site.base.registry import register
from subscriptions_app.admin import deliveries, subscriptions
from subscriptions_app.admin.parts import PARTS

__all__ = ["deliveries", "subscriptions"]

register(PARTS)
