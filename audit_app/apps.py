from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit_app"
    verbose_name = "Audit and retention"

    def ready(self) -> None:
        from acteon_site.base.registry import register
        from acteon_site.watching import logs
        from audit_app.parts import PARTS
        from audit_app.selectors import log_redactor

        register(PARTS)
        logs.configure(log_redactor)
