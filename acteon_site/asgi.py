"""ASGI entry point: API, admin and event stream in one application."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acteon_site.settings")

application = get_asgi_application()
