"""`pipeline stream-orders`: listen, send three orders, show the events as they arrive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from acteon_site.client.errors import ClientError, Unreachable
from acteon_site.client.http import GatewayClient, Json
from acteon_site.client.lifecycle import BUSINESS_HOURS, order_action
from acteon_site.client.outcomes import Outcome
from acteon_site.client.sending import Patience, send_patiently
from acteon_site.client.sse import StreamEvent

OPEN_SECONDS = 10.0


class Listener:
    """Reads /v1/stream in a thread and hands every event over. `failure` tells why it ended, if it did."""

    def __init__(self, client: GatewayClient, show: Callable[[StreamEvent], None], **filters: str) -> None:
        self._client = client
        self._show = show
        self._filters = filters
        self._answered = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)
        self.failure: ClientError | None = None
        self.count = 0

    def start(self) -> None:
        """Return once the gateway has accepted the listener. Raises ClientError where it has not."""
        self._thread.start()
        if not self._answered.wait(OPEN_SECONDS):
            raise Unreachable(self._client.url, "the stream does not open")
        self.check()

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _listen(self) -> None:
        try:
            with self._client.stream(**self._filters) as events:
                self._answered.set()
                for event in events:
                    self.count += 1
                    self._show(event)
        except ClientError as error:
            self.failure = error
        except ValueError as error:
            self.failure = ClientError(f"the stream sent a frame that is no JSON: {error}")
        self._answered.set()


def three_orders(run: str, namespace: str, tenant: str) -> list[Json]:
    """Two standard orders and one for a sanctioned region."""
    orders = [order_action(f"LIVE-{number}-{run}", namespace, tenant) for number in (1, 2, 3)]
    orders[2]["payload"]["shipping_country"] = "NK"
    return orders


def stream_orders(
    client: GatewayClient,
    orders: list[Json],
    patience: Patience,
    *,
    seconds: float,
    real_clock: bool,
    show_sent: Callable[[str, Outcome], None],
    show_event: Callable[[StreamEvent], None],
) -> int:
    """Listen while the orders are sent and `seconds` longer; answers how many events arrived."""
    scope = {name: orders[0][name] for name in ("namespace", "tenant")}
    listener = Listener(client, show_event, **scope)
    listener.start()
    for order in orders:
        demo_now = None if real_clock else BUSINESS_HOURS
        show_sent(order["id"], send_patiently(client, order, patience, demo_now=demo_now))
    time.sleep(seconds)
    listener.check()
    return listener.count
