"""The address that the embedded system listens on: loopback only, and nobody else's."""

from __future__ import annotations

import errno
import ipaddress
import socket

BACKLOG = 1024


class AddressError(Exception):
    """The address cannot be served; the text says what to do."""


def loopback_address(host: str) -> str:
    """`host` as a loopback IP address. Raises AddressError for any other: the embedded API needs no key."""
    name = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        if ipaddress.ip_address(name).is_loopback:
            return name
    except ValueError:
        pass
    raise AddressError(
        f"--host {host} is not a loopback address. In embedded mode the API is open without a key, so it "
        "serves this machine only: use 127.0.0.1 or ::1. To serve a network, run production mode "
        "(docs/operations.md)."
    )


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens on host and port. Raises AddressError where the port is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        # Listening at once takes the port before the slow start: a second start fails here, not later.
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise AddressError(_reason(host, port, error)) from error
    bound.set_inheritable(False)
    return bound


def url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reason(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{host}:{port} is in use, perhaps by a gateway that already runs. "
            f"Stop it, or take another port: --port {port + 1}"
        )
    if error.errno == errno.EACCES:
        return f"Ports below 1024 need special rights: take another, such as --port 8080, not {port}"
    return f"Cannot listen on {host}:{port}: {error.strerror}"
