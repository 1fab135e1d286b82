"""The description of this app's views; importing it decorates them."""

from subscriptions_app.api.schema import subscriptions

__all__ = ["subscriptions"]
