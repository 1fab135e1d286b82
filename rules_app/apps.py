from django.apps import AppConfig


class RulesConfig(AppConfig):
    name = "rules_app"
    verbose_name = "Rules"

    def ready(self) -> None:
        from acteon_site.base.registry import register
        from rules_app.parts import PARTS

        register(PARTS)
