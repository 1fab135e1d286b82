"""A Redis channel that can be lost without taking the worker along.

After Redis was away, a task that ran meanwhile is acknowledged on a channel whose connection is closed for good. kombu
(5.7) fails there with an AttributeError, which no one expects: the worker stops taking messages, or ends. As an
error of the connection it is what everybody on the way is prepared for. The message itself does not matter: the
rows know what is due.
"""

from __future__ import annotations

from typing import Any

from kombu.transport.redis import Channel, Transport
from redis.exceptions import ConnectionError as RedisConnectionError


class LosableChannel(Channel):
    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("this channel's connection was lost")
        parameters: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]
        return parameters


class LosableTransport(Transport):
    """kombu's, by way of its table of transports (acteon_site/celery.py): only who has a Redis imports it."""

    Channel = LosableChannel
