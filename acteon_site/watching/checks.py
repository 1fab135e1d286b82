"""System checks: what would make the gateway unsafe is found before it serves."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

SHORTEST_APPROVAL_KEY = 32
MODES = ("embedded", "production")
INSTALLATION = (
    "installation"  # the tag of what every command looks at; what is about the code is for `manage.py check`
)
HOW = "`python -m acteon_site.bootstrap` writes a fresh one into var/acteon.env for the embedded mode."


@register(INSTALLATION)
def secrets_are_set(**_: Any) -> list[CheckMessage]:
    errors: list[CheckMessage] = []
    if not settings.FERNET_KEYS:
        errors.append(
            Error(
                "FERNET_KEYS is not set: payloads would be encrypted with SECRET_KEY.", HOW, id="acteon.E001"
            )
        )
    if not settings.LOOKUP_HASH_KEY:
        errors.append(
            Error("LOOKUP_HASH_KEY is not set: stored hashes could be guessed back.", HOW, id="acteon.E002")
        )
    weak = [kid for kid, key in settings.APPROVAL_KEYS.items() if len(key) < SHORTEST_APPROVAL_KEY]
    if not settings.APPROVAL_KEYS or weak:
        message = f"APPROVAL_KEYS needs kid=secret pairs of at least {SHORTEST_APPROVAL_KEY} characters each."
        errors.append(Error(message, HOW, id="acteon.E003"))
    if len(settings.APPROVAL_KEYS) > 2:
        errors.append(
            Error(
                "APPROVAL_KEYS holds more than two keys.", "Two are active while rotating.", id="acteon.E004"
            )
        )
    return errors


@register(INSTALLATION)
def mode_is_closed(**_: Any) -> list[CheckMessage]:
    """Production needs real services and starts with nothing open."""
    if settings.MODE not in MODES:
        return [Error(f"ACTEON_MODE must be one of {', '.join(MODES)}.", id="acteon.E010")]
    if settings.EMBEDDED:
        return []
    errors: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        errors.append(
            Error("Production needs PostgreSQL.", "Set DATABASE_URL=postgres://…", id="acteon.E011")
        )
    if not settings.REDIS_URL:
        errors.append(Error("Production needs Redis.", "Set REDIS_URL=redis://…", id="acteon.E012"))
    if settings.API_OPEN_ON_LOOPBACK or settings.DEMO_CLOCK:
        errors.append(Error("Production must not open the API or its clock.", id="acteon.E013"))
    if _is_local(settings.PUBLIC_URL):
        hint = "Set ACTEON_PUBLIC_URL to the address that approvers reach."
        errors.append(Error("Approval links would lead to this machine only.", hint, id="acteon.E014"))
    return errors


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost")
