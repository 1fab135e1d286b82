from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "acteon_site"
    verbose_name = "Access"

    def ready(self) -> None:
        # Celery's application, which tasks are sent through. Not in __init__.py: `python -m acteon_site.bootstrap`
        # makes the secrets before anything is installed.
        from acteon_site import celery  # noqa: F401
        from acteon_site.access import login_limits, tokens
        from acteon_site.base.registry import Hook, register
        from acteon_site.base.tidying import TIDIES
        from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
        from acteon_site.watching import checks, pooler_checks, status  # noqa: F401 - registers the system checks
        from acteon_site.watching.checkups.own import OWN
        from acteon_site.watching.checkups.table import CHECKUPS
        from acteon_site.watching.metrics import FAMILIES, database, disks, processes, replica_lag

        register(
            {
                TIDIES: (
                    Hook("login tokens", tokens.tidy_tokens),
                    Hook("login attempts", login_limits.tidy_attempts),
                ),
                FAMILIES: (
                    Hook("replica lag", replica_lag),
                    Hook("processes", processes),
                    Hook("database", database),
                    Hook("disks", disks),
                ),
                CHECKUPS: OWN,
                status.STATUS_PARTS: (Hook("workers", status.workers),),
                DESCRIPTIONS: (
                    Description("acteon_site.watching.schema"),
                    Description("acteon_site.access.schema"),
                ),
            }
        )
