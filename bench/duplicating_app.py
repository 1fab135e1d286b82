"""The gateway's Celery app behind a broker that delivers every task message twice, and out of order.

`celery --app=bench.duplicating_app …` and `python -m bench.duplicating_app --port 8080` (the web process).
"""

from __future__ import annotations

import copy
import random
import uuid
from typing import Any

from kombu.transport.redis import Channel
from kombu.utils.json import dumps

from acteon_site.celery import app

__all__ = ["app"]

_put_once = Channel._put


def _put_twice(self: Channel, queue: str, message: dict[str, Any], **more: Any) -> None:
    """Copies go to a random end of the queue: some jump it, some come long after."""
    _put_once(self, queue, message, **more)
    if "task" not in message.get("headers", {}):
        return
    again = copy.deepcopy(message)
    again["properties"]["delivery_tag"] = str(uuid.uuid4())
    with self.conn_or_acquire() as client:
        (client.rpush if random.random() < 0.5 else client.lpush)(queue, dumps(again))


Channel._put = _put_twice

if __name__ == "__main__":
    from acteon_site.serving.web import main

    main()
