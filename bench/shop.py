"""The shop that is measured: the checkout's own fixture, with providers, rules and chains that measuring needs.

Orders pass a deduplicating and a throttling gate and start the fixture's chain of four calls; a note is a bare action,
which no chain claims. What a provider's answer takes is told to the provider (bench/answering.py).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from bench.orders import order_of

SHOPS = 200
STALLED = "stalled-carrier"
WEBHOOKS = ("payment-gateway", "warehouse", "email-service", "fraud-analyzer", STALLED)
LOGS = ("compliance-queue", "notebook")
WEBHOOK_SECONDS = 10
# Providers that take a second and many calls at once, as a shop of this size would tell the gateway.
MAX_CONCURRENT = 200
CHAINED = {"field": "action.action_type", "in_list": ["place_order", "place_stalled_order"]}
RULES: list[dict[str, Any]] = [
    {
        "name": "schedule-later",
        "priority": 10,
        "condition": {"all": [CHAINED, {"field": "action.payload.later", "eq": True}]},
        "action": {"type": "schedule", "delay_seconds": 3600},
    },
    {
        "name": "dedup-double-submit",
        "priority": 15,
        "condition": CHAINED,
        "action": {"type": "deduplicate", "ttl_seconds": 300},
    },
    {
        "name": "throttle-merchant-orders",
        "priority": 20,
        "condition": CHAINED,
        "action": {"type": "throttle", "max_count": 10_000, "window_seconds": 60},
    },
    {
        "name": "allow-notes",
        "priority": 30,
        "condition": {"field": "action.action_type", "eq": "note"},
        "action": {"type": "allow"},
    },
]
STALLED_CHAIN = {
    "name": "stalled-processing",
    "trigger": {"action_type": "place_stalled_order", "namespace": "ecommerce"},
    "steps": [
        {
            "name": name,
            "provider": provider,
            "action_type": name,
            "payload_template": {"order_id": "{{origin.payload.order_id}}"},
        }
        for name, provider in (
            ("validate", "payment-gateway"),
            ("carry", STALLED),
            ("notify", "email-service"),
        )
    ],
}


def pipeline(root: Path, target: Path, provider_url: str) -> Path:
    """The configuration to load, in `target`."""
    shutil.copytree(root / "fixtures" / "ecommerce", target)
    (target / "acteon.toml").unlink()
    chains = target / "chains.yaml"  # orders wait here for as long as it takes
    chains.write_text(chains.read_text().replace("timeout_seconds: 120", "timeout_seconds: 86400"))
    (target / "rules" / "processing.yaml").write_text(json.dumps({"rules": RULES}))
    webhooks = [_webhook(name, provider_url) for name in WEBHOOKS]
    if "max_concurrent" in (root / "docs" / "providers.md").read_text():  # older checkouts know no such bound
        webhooks = [webhook | {"max_concurrent": MAX_CONCURRENT} for webhook in webhooks]
    content = {"providers": [*map(_log, LOGS), *webhooks]}
    (target / "providers.yaml").write_text(json.dumps(content))
    (target / "stalled.yaml").write_text(json.dumps({"chains": [STALLED_CHAIN]}))
    return target


def _log(name: str) -> dict[str, Any]:
    return {"name": name, "type": "log"}


def _webhook(name: str, url: str) -> dict[str, Any]:
    address = f"{url}/{name}"
    return {
        "name": name,
        "type": "webhook",
        "url": address,
        "envelope": True,
        "timeout_seconds": WEBHOOK_SECONDS,
    }


def order(number: int | str = "@id@", shop: int | str = "@shop@", **changed: Any) -> dict[str, Any]:
    """As the storefronts of the faults send them; by default with marks that the load generator fills in."""
    made = order_of(7, 0)
    made |= {"id": f"ord-{number}", "tenant": f"shop-{shop}"}
    made["payload"] |= {"order_id": f"ord-{number}", "customer_email": f"c{number}@shop.example"}
    return made | changed


def later(number: int | str, shop: int | str) -> dict[str, Any]:
    """One that is scheduled for an hour later."""
    made = order(number, shop)
    return made | {"payload": made["payload"] | {"later": True}}


def note() -> dict[str, Any]:
    return order(provider="notebook", action_type="note")
