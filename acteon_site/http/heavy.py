"""Requests that cost as much as hundreds of orders: a few at once in each process, and of one tenant a single one.

Every request has a thread of its own, and all of them share one interpreter and one pool of database connections. So
their number is what is bounded; orders never wait here. Inside a turn `breathe` leaves the interpreter to orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from acteon_site.base.breathing import making_way
from acteon_site.base.connections import breaths_between_statements, release_connections
from acteon_site.base.errors import AppError
from acteon_site.base.principals import Principal
from acteon_site.base.turns import BusyError, Turns

AT_ONCE, OF_ONE_TENANT, MOST_WAITING, WAIT_SECONDS = 2, 1, 16, 10.0
LARGE_BODY = 64 * 1024  # bytes
LARGE_PAGE = 200  # rows
turns = Turns(at_once=AT_ONCE, each=OF_ONE_TENANT, waiting=MOST_WAITING, seconds=WAIT_SECONDS)


@contextmanager
def heavy_turn(caller: Principal) -> Iterator[None]:
    """Keys with the same namespaces and tenants share a turn. Raises 429 with Retry-After where none comes soon."""
    try:
        turn = turns.turn(caller.share, before_waiting=release_connections)
        with making_way(), turn, breaths_between_statements():
            yield
    except BusyError:
        message = (
            "as many large requests as can be are under way; send them one after another, this one again"
        )
        headers = {"Retry-After": str(round(WAIT_SECONDS))}
        raise AppError(message, "RATE_LIMITED", 429, retryable=True, headers=headers) from None
