"""What redaction costs: microseconds of processor time for a common order, and how long hostile texts take.

    python -m bench.redaction

The second table doubles each text twice; a row that grows faster than its text is a fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from audit_app.redaction import Redactor

FIELDS = [
    "card_last4",
    "billing_zip",
    "card_number",
    "pan",
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "csc",
    "security_code",
]
ORDER = {
    "order_id": "ORD-2026-000123",
    "customer_id": "cust-1029384756",
    "email": "jane.dough@example.com",
    "total_cents": 7999,
    "currency": "USD",
    "shipping_country": "US",
    "billing_zip": "90210",
    "card_last4": "4242",
    "items": [
        {"sku": "SKU-12345678", "title": "Wool socks, grey: size 42", "qty": 2, "price_cents": 1999},
        {"sku": "SKU-87654321", "title": "Scarf", "qty": 1, "price_cents": 4001},
    ],
    "shipping_address": {
        "name": "Jane Dough",
        "street": "12 Main Street, apt. 4",
        "city": "Los Angeles",
        "phone": "+1 310 555 0123",
    },
    "placed_at": "2026-11-27T21:15:33.123456Z",
    "note": "please ring twice; leave at door 12",
}
ANSWER = {
    "body": {
        "order_id": "ORD-2026-000123",
        "state": "placed",
        "chain_id": "01a20300-0000-7000-8000-000000000003",
    }
}
HOSTILE = {
    "digits": "1",
    "digit by digit": "4 ",
    "fours": "4111 ",
    "cards": "4111111111111111 ",
    "IBANs": "DE44 5001 0517 5407 3249 31 ",
    "UUIDs": "01900000-0000-7000-8000-000000000000 ",
    "percent-encoded": "%34%20",
    "entities": "&#160;4",
    "ampersands": "&amp;",
    "backslashes": "\\",
    "names": "card_last4: ",
    "prose": "the order of 12 socks: a, b & c. ",
}
SIZES = (2**19, 2**20, 2**21)


def microseconds(work: Callable[[], object], times: int = 1000, rounds: int = 9) -> float:
    def once() -> float:
        begin = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - begin) / times * 1e6

    return min(once() for _ in range(rounds))


def order(redactor: Redactor) -> None:
    """What a dispatch asks of it: the payload for the decision and for its row, details, metadata, the event."""
    scrubber = redactor.scrubber(ORDER)
    for shown in (ORDER, {}, ANSWER, {"channel": "web"}, ANSWER):
        scrubber.clean(shown)


def main() -> None:
    redactor = Redactor(FIELDS)
    print(f"a payload    {microseconds(lambda: redactor.scrubber(ORDER)):8.1f} us")
    print(f"an order     {microseconds(lambda: order(redactor)):8.1f} us")
    print(f"{'seconds for':16}" + "".join(f"{size // 1024:>8} KiB" for size in SIZES))
    for name, unit in HOSTILE.items():
        texts = [(unit * (size // len(unit) + 1))[:size] for size in SIZES]
        row = [
            microseconds(lambda text=text: redactor.scrubber({"note": text}), 1, 1) / 1e6 for text in texts
        ]  # type: ignore[misc]
        print(f"{name:16}" + "".join(f"{seconds:12.3f}" for seconds in row))


if __name__ == "__main__":
    main()
