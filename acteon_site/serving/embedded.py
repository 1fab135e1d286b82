"""What `serve` and `demo` share: the checks before an embedded start, and what they say once it serves."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper

from acteon_site.access.people import DemoUser
from acteon_site.serving.listening import AddressError, listening_socket, loopback_address, url_of
from acteon_site.serving.prepare import Prepared, missing_secrets, prepare


@dataclass(frozen=True, slots=True)
class EmbeddedStart:
    listening: socket.socket
    url: str
    prepared: Prepared


def embedded_start(host: str, port: int, fixtures: Path | None) -> EmbeddedStart:
    """Take the address, prepare the database, open the API to this machine. Raises CommandError."""
    _refuse_production()
    try:
        address = loopback_address(host)
        listening = listening_socket(address, port)
    except AddressError as error:
        raise CommandError(str(error)) from error
    url = url_of(address, listening.getsockname()[1])
    _open_on_loopback(url)
    try:
        return EmbeddedStart(listening, url, prepare(fixtures=fixtures))
    except BaseException:
        listening.close()
        raise


def _refuse_production() -> None:
    if not settings.EMBEDDED:
        raise CommandError(
            "serve and demo are for embedded mode; this is ACTEON_MODE=production. Run its parts as "
            "processes: docker-compose.yml and docs/operations.md show how."
        )
    if missing := missing_secrets():
        raise CommandError(f"{', '.join(missing)} not set. Run first: python -m acteon_site.bootstrap")


def _open_on_loopback(url: str) -> None:
    # Decided here and not in settings: only who binds the socket knows that it is loopback.
    settings.API_OPEN_ON_LOOPBACK = True
    settings.PUBLIC_URL = url


def announce(out: OutputWrapper | TextIO, start: EmbeddedStart) -> None:
    if start.prepared.loaded:
        out.write(f"Loaded {start.prepared.loaded}\n")
    out.write(
        f"Listening on {start.url}\n"
        "The API is open without a key, to this machine only (loopback).\n"
        f"  Admin      {start.url}/admin/\n"
        f"  API        {start.url}/swagger-ui/\n"
        f"  Stream     curl -N '{start.url}/v1/stream?namespace=ecommerce'\n"
        "Local users, made for this installation (by password alone, without a second step):\n"
        + "".join(_user_line(user) for user in start.prepared.users)
        + "Ctrl-C stops it.\n"
    )
    out.flush()


def _user_line(user: DemoUser) -> str:
    password = user.password or "(its password was changed)"
    return f"  {user.username:<10} {password:<14} {', '.join(user.groups)}\n"
