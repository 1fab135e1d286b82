from django.apps import AppConfig

from acteon_site.base.registry import parts_from


class SubscriptionsConfig(AppConfig):
    name = "subscriptions_app"
    verbose_name = "Subscriptions"

    def ready(self) -> None:
        parts_from("subscriptions_app.parts")
