from django.apps import AppConfig

from acteon_site.base.registry import parts_from


class ChainsConfig(AppConfig):
    name = "chains_app"
    verbose_name = "Chains"

    def ready(self) -> None:
        parts_from("chains_app.parts")
