from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders_app"
    verbose_name = "Orders"

    def ready(self) -> None:
        from acteon_site.base.registry import register
        from orders_app.parts import PARTS

        register(PARTS)
