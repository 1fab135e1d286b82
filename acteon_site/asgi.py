"""ASGI entry point: API, admin and event stream in one application."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acteon_site.settings")
django.setup(set_prefix=False)

from acteon_site.http.bodies import GatewayHandler  # noqa: E402 - Django has to be set up before its models

application = GatewayHandler()
