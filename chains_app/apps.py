from django.apps import AppConfig


class ChainsConfig(AppConfig):
    name = "chains_app"
    verbose_name = "Chains"

    def ready(self) -> None:
        from audit_app.services import reaper
        from chains_app.services.reaping import reap_runs

        reaper.register("runs", reap_runs)
