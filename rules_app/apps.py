from django.apps import AppConfig


class RulesConfig(AppConfig):
    name = "rules_app"
    verbose_name = "Rules"

    def ready(self) -> None:
        from audit_app.services import reaper
        from rules_app.services.gates import tidy_gates

        reaper.register_tidy("gates", tidy_gates)
