from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "acteon_site"
    verbose_name = "Access"

    def ready(self) -> None:
        from acteon_site import (
            checks,  # noqa: F401 - registers the system checks
            login_limits,
            logs,
            tokens,
        )
        from audit_app.services import reaper

        logs.configure()
        reaper.register_tidy("login tokens", tokens.tidy_tokens)
        reaper.register_tidy("login attempts", login_limits.tidy_attempts)
