"""What `manage.py doctor` looks at of runs and providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import TimeoutError as TooLate
from urllib.parse import urlsplit

from django.conf import settings

from acteon_site.base.findings import Checkup, Finding, by_age, duration, fail, ok, state_by_wait, warn
from chains_app.metrics import breakers_open, runs_oldest_due_seconds
from chains_app.providers.base import ProviderSettings
from chains_app.providers.resolving import addresses_of, in_time
from chains_app.selectors import definitions, providers
from chains_app.services.repair import dead_letters, open_incidents

RESOLVE_SECONDS = 3.0
OVERDUE = (30.0, 300.0)  # seconds
MANY = 1000


def queue() -> Iterator[Finding]:
    todo = "Look at the workers first (above); where they work, start more of them."
    yield by_age("runs that are due", runs_oldest_due_seconds(), OVERDUE, todo)


def trouble() -> Iterator[Finding]:
    """What waits for a person, and who is left alone."""
    incidents = open_incidents()[:MANY].count()
    letters = dead_letters()[:MANY].count()
    if incidents:
        yield warn(
            f"{_many(incidents)} runs wait for a person",
            "`manage.py incidents list`, or Incidents in the admin.",
        )
    if letters:
        yield warn(
            f"{_many(letters)} runs failed for good", "`manage.py dead_letters list`; replay or drain them."
        )
    open_now = breakers_open()
    for name, seconds in open_now:
        yield warn(
            f"the breaker of {name} is open for {duration(seconds)}",
            "Look at that provider; it is probed by itself.",
        )
    if not (incidents or letters or open_now):
        yield ok("no incident, no dead letter, no open breaker")


def _many(count: int) -> str:
    return str(count) if count < MANY else f"{MANY} or more"


def provider_addresses() -> Iterator[Finding]:
    """Whether the name server knows each provider's host. Nothing is sent to a provider."""
    there = 0
    for provider in providers().values():
        host, port = _server(provider)
        if not host or not provider.enabled:
            continue
        try:
            in_time(RESOLVE_SECONDS, lambda host=host, port=port: addresses_of(host, port))  # type: ignore[misc]
            there += 1
        except (OSError, UnicodeError, TooLate):
            yield fail(
                f"{provider.name}: nobody knows the host {host}",
                "Mend the provider's url, or the name server.",
            )
    yield ok(f"{there} hosts of {len(providers())} providers are known")


def _server(provider: ProviderSettings) -> tuple[str, int]:
    if provider.kind == "email":
        mail: Mapping[str, object] = settings.EMAIL_CONFIG
        is_smtp = "smtp" in str(mail.get("EMAIL_BACKEND", ""))
        return (
            (str(mail.get("EMAIL_HOST") or "localhost"), int(str(mail.get("EMAIL_PORT") or 25)))
            if is_smtp
            else ("", 0)
        )
    url = urlsplit(str(provider.config.get("url") or ""))
    return url.hostname or "", url.port or (80 if url.scheme == "http" else 443)


def chains() -> Iterator[Finding]:
    """Raises what reading a definition raises, which names it."""
    known = definitions().by_name
    missing = {
        (name, step.provider)
        for name, chain in known.items()
        for step in chain.definition.steps
        if step.provider and step.provider not in providers()
    }
    for name, provider in sorted(missing):
        yield fail(
            f"chain {name} calls {provider}, which there is not", "Create that provider, or change the chain."
        )
    if not missing:
        yield ok(f"{len(known)} chains load, and their providers exist")


def processing_status() -> str:
    return state_by_wait(runs_oldest_due_seconds())


CHECKUPS = (
    Checkup("runs", queue),
    Checkup("trouble", trouble),
    Checkup("chains", chains),
    Checkup("providers", provider_addresses),
)
