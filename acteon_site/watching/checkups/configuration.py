"""Whether the settings are safe and fit each other: no service is asked."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.http.request import validate_host

from acteon_site.base.findings import Finding, State, fail, ok, warn
from acteon_site.watching.checks import INSTALLATION


def settings_are_safe() -> Iterator[Finding]:
    """Django's system checks of the installation; in production those of a deployment, too."""
    tags = [INSTALLATION, checks.Tags.security]
    found = checks.run_checks(tags=tags, include_deployment_checks=not settings.EMBEDDED)
    serious = [message for message in found if message.level >= checks.WARNING and not message.is_silenced()]
    for message in serious:
        state = State.FAIL if message.level >= checks.ERROR else State.WARN
        yield Finding(
            state, f"{message.id}: {_first_line(message.msg)}", message.hint or "docs/operations.md, Settings"
        )
    if not serious:
        yield ok(f"{settings.MODE} mode, {len(found)} remarks of Django's checks")


def _first_line(text: str) -> str:
    return " ".join(text.split())


def doors() -> Iterator[Finding]:
    """What is open without a key, and to whom."""
    if settings.API_OPEN_ON_LOOPBACK:
        yield warn(
            "the API asks this machine for no key (embedded mode)",
            "Fine on a laptop. Set ACTEON_MODE=production where others reach it.",
        )
    if settings.DEMO_CLOCK:
        yield warn(
            "requests may set the rules' clock (X-Demo-Now)", "Set ACTEON_DEMO_CLOCK=false outside of demos."
        )
    if not settings.RATE_PER_MINUTE and not settings.EMBEDDED:
        yield warn("no limit of requests per key", "Set ACTEON_RATE_PER_MINUTE, for instance 60000.")
    if not (settings.API_OPEN_ON_LOOPBACK or settings.DEMO_CLOCK):
        yield ok("closed: every request needs a key, the clock is the server's")


def hosts() -> Iterator[Finding]:
    """Whether the address that people are sent to is one that answers."""
    public = urlsplit(settings.PUBLIC_URL)
    if "*" in settings.ALLOWED_HOSTS:
        yield warn(
            "ALLOWED_HOSTS admits every name, so links in answers can be forged",
            "Name the hosts that are yours.",
        )
    if not validate_host(public.hostname or "", settings.ALLOWED_HOSTS):
        yield fail(
            f"ACTEON_PUBLIC_URL leads to {public.hostname}, which ALLOWED_HOSTS refuses",
            f"Add {public.hostname} to ALLOWED_HOSTS, or mend ACTEON_PUBLIC_URL.",
        )
    elif "*" not in settings.ALLOWED_HOSTS:
        yield ok(f"{public.hostname} is allowed, with {len(settings.ALLOWED_HOSTS) - 1} other names")


def proxies() -> Iterator[Finding]:
    """Whose word on clients' addresses and on https is believed."""
    behind_tls = urlsplit(settings.PUBLIC_URL).scheme == "https"
    if behind_tls and not settings.SECURE_PROXY_SSL_HEADER:
        yield fail(
            "the public address is https, and the proxy's X-Forwarded-Proto is not believed",
            "Set ACTEON_BEHIND_TLS_PROXY=true; otherwise the admin refuses forms.",
        )
    if behind_tls and not settings.TRUSTED_PROXIES:
        yield warn(
            "the proxy in front counts as the client of all failed sign-ins",
            "Set ACTEON_TRUSTED_PROXIES; docs/operations.md, Behind a proxy.",
        )
    if not behind_tls:
        yield ok("no https in front by ACTEON_PUBLIC_URL, so no proxy is needed")
    elif settings.SECURE_PROXY_SSL_HEADER and settings.TRUSTED_PROXIES:
        yield ok("X-Forwarded-Proto is believed, X-Forwarded-For of the trusted proxies")
