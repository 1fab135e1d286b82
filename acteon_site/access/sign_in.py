"""One sign-in at a door: counted before it is tried, and its password checked in turn.

A check costs a third of a second of a processor, on purpose. Many at once would take the processors from the orders,
and each would hold a database connection meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from acteon_site.access.known_devices import device_of
from acteon_site.access.login_limits import attempt_count, attempts_forget, network_of
from acteon_site.access.whence import client_address
from acteon_site.base.connections import release_connections
from acteon_site.base.errors import unavailable
from acteon_site.base.turns import BusyError, Turns

# Of each process. A network's attempts wait behind one another, and let those of others pass between them.
CHECKS_AT_ONCE, MOST_WAITING, WAIT_SECONDS = 1, 30, 15.0
turns = Turns(at_once=CHECKS_AT_ONCE, each=CHECKS_AT_ONCE, waiting=MOST_WAITING, seconds=WAIT_SECONDS)


class Attempt:
    """What is left uncounted once it is said to have succeeded."""

    def __init__(self, key: str) -> None:
        self._key = key

    def succeeded(self) -> None:
        attempts_forget(self._key)


def code_attempt(request: HttpRequest, username: str) -> Attempt:
    """The same for codes of a second step, which are short: counted for the person, wherever they come from.

    Only who knows the password comes here; a device of the person's own has attempts of its own.
    """
    device = device_of(request, username)
    return Attempt(attempt_count(username=f"{username} code", address="anywhere", device=device))


@contextmanager
def sign_in_attempt(request: HttpRequest, username: str) -> Iterator[Attempt]:
    """Raises 429 where this person has failed too often from here, 503 where too many sign in at once."""
    address = client_address(request)
    try:
        with turns.turn(network_of(address), before_waiting=release_connections):
            key = attempt_count(username=username, address=address, device=device_of(request, username))
            yield Attempt(key)
    except BusyError:
        raise unavailable("too many people sign in at the moment; try again") from None
