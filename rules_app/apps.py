from django.apps import AppConfig

from acteon_site.base.registry import parts_from


class RulesConfig(AppConfig):
    name = "rules_app"
    verbose_name = "Rules"

    def ready(self) -> None:
        parts_from("rules_app.parts")
