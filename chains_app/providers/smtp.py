"""SMTP that ends with the deadline of the call that uses it.

smtplib's timeout bounds each command, so that a slow server multiplies it. Here every wait gets what is left of
the whole, name resolution and the TLS handshake included, and the mail remembers when it began to go over: from
then on nobody can tell whether it was accepted.
"""

from __future__ import annotations

import io
import smtplib
import socket
from functools import partial
from typing import Any

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.utils import DNS_NAME

from chains_app.providers import resolving
from chains_app.providers.time_left import deadline, is_over, remaining

DJANGOS = "django.core.mail.backends.smtp.EmailBackend"
CHUNK = 16 * 1024
GOODBYE_SECONDS = 1


def backend() -> str | None:
    """Our backend in place of Django's own for SMTP; None keeps any other that is configured."""
    return f"{__name__}.DeadlineBackend" if settings.EMAIL_BACKEND == DJANGOS else None


def in_doubt(connection: Any) -> bool:
    """Whether a mail that failed may have been accepted all the same. Of other backends nobody knows."""
    return bool(getattr(getattr(connection, "connection", None), "in_doubt", True))


class _BoundedReader(io.RawIOBase):
    """A socket's incoming bytes, every wait for which ends with the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(remaining())
        return self._sock.recv_into(buffer)


class DeadlineSMTP(smtplib.SMTP):
    in_doubt = False

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        failure = OSError("the host has no address")
        for address in resolving.in_time(remaining(), partial(resolving.addresses_of, host, port)):
            try:
                connected = socket.create_connection((address, port), remaining(), self.source_address)
            except OSError as error:
                failure = error
            else:
                connected.settimeout(remaining())  # a TLS handshake may follow
                return connected
        raise failure

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_BoundedReader(self.sock))
        reply = super().getreply()
        if self.sock is not None and not is_over():
            self.sock.settimeout(remaining())  # what follows may be a TLS handshake
        return reply

    def send(self, s: Any) -> None:
        """Commands are text; bytes are the mail, and from here on it may have been accepted."""
        self.in_doubt = self.in_doubt or not isinstance(s, str)
        data = s.encode(self.command_encoding) if isinstance(s, str) else bytes(s)
        for start in range(0, len(data), CHUNK):
            if is_over():
                self.close()
                raise smtplib.SMTPServerDisconnected("the time for this call is over")
            if self.sock is not None:
                self.sock.settimeout(remaining())
            super().send(data[start : start + CHUNK])

    def quit(self) -> tuple[int, bytes]:
        """A server that is slow to say goodbye holds up nobody for long."""
        try:
            with deadline(min(GOODBYE_SECONDS, remaining())):
                return super().quit()
        finally:
            self.close()


class DeadlineSMTPS(smtplib.SMTP_SSL, DeadlineSMTP):
    """The same with TLS from the first byte."""


class DeadlineBackend(EmailBackend):
    """Django's backend with its settings; only the connection is another."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return DeadlineSMTPS if self.use_ssl else DeadlineSMTP

    def open(self) -> bool | None:
        resolving.in_time(remaining(), DNS_NAME.get_fqdn)  # asks the resolver once, and is remembered
        return super().open()
