from django.apps import AppConfig

from acteon_site.base.registry import parts_from


class OrdersConfig(AppConfig):
    name = "orders_app"
    verbose_name = "Orders"

    def ready(self) -> None:
        parts_from("orders_app.parts")
