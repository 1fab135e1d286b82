from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "subscriptions_app"
    verbose_name = "Subscriptions"

    def ready(self) -> None:
        from acteon_site.base.registry import register
        from subscriptions_app.parts import PARTS

        register(PARTS)
