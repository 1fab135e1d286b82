from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "acteon_site"
    verbose_name = "Access"

    def ready(self) -> None:
        from acteon_site import (
            checks,  # noqa: F401 - registers the system checks
            logs,
        )

        logs.configure()
