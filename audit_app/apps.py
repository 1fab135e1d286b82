from django.apps import AppConfig
from django.db.models.signals import post_migrate

from acteon_site.base.registry import parts_from


class AuditConfig(AppConfig):
    name = "audit_app"
    verbose_name = "Audit and retention"

    def ready(self) -> None:
        from acteon_site.watching import logs
        from audit_app import compliance_checks  # noqa: F401 - registers the system checks
        from audit_app.compliance import trail_lock_apply
        from audit_app.selectors import log_redactor

        parts_from("audit_app.parts")
        logs.configure(log_redactor)
        post_migrate.connect(
            lambda **_: trail_lock_apply(), sender=self, weak=False, dispatch_uid="audit-lock"
        )
