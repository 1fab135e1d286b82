from typing import Any

from django.apps import AppConfig
from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core.checks import CheckMessage, Tags
from django.core.checks import register as register_check

from acteon_site.base.registry import parts_from


class SiteConfig(AppConfig):
    default = True
    name = "acteon_site"
    verbose_name = "Access"

    def ready(self) -> None:
        # Celery's application, which tasks are sent through. Not in __init__.py: `python -m acteon_site.bootstrap`
        # makes the secrets before anything is installed.
        from acteon_site import celery  # noqa: F401
        from acteon_site.watching import checks, oidc_checks, pooler_checks  # noqa: F401 - registers the system checks
        from acteon_site.watching.tracing import tracing_begin

        parts_from("acteon_site.parts")
        tracing_begin()


class AdminConfig(SimpleAdminConfig):
    """Django's admin, whose pages are loaded with the paths that lead to them (acteon_site/urls.py), or checked.

    To import them takes a fifth of what a worker or a command takes to start, and neither shows one.
    """

    def ready(self) -> None:
        register_check(check_dependencies, Tags.admin)
        register_check(check_admin_pages, Tags.admin)


def check_admin_pages(**given: Any) -> list[CheckMessage]:
    """A page that does not import raises here, as it does at the start of a web process."""
    autodiscover()
    return check_admin_app(**given)
