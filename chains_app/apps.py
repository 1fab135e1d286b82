from django.apps import AppConfig


class ChainsConfig(AppConfig):
    name = "chains_app"
    verbose_name = "Chains"

    def ready(self) -> None:
        from acteon_site.base.registry import register
        from chains_app.parts import PARTS

        register(PARTS)
