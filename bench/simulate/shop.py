"""What the simulated shop has configured: small chains of each kind of step, gates that bite, holds of seconds."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.config_files.load import load_paths
from audit_app.selectors import current_redactor
from chains_app.selectors import breaker_fallbacks, definitions, providers, version_definition
from orders_app.policies import policy_for
from orders_app.selectors import lifecycle_for
from rules_app.selectors import current_rules
from rules_app.services.quota_windows import quotas_counting
from rules_app.silences import silences_of
from subscriptions_app.selectors import has_subscribers

NAMESPACE, TENANTS = "ecommerce", ("shop-a", "shop-b")
SIGNAL, MOST_A_MINUTE, THROTTLES = "packed", 1, 2
CARRIED_OUT_ONCE = "email-service"  # what it is sent again it carries out again
ORDER = {"order_id": "{{origin.payload.order_id}}"}
PLACE = {"field": "action.action_type", "eq": "place_order"}


def _call(name: str, provider: str, action_type: str, undo: str = "", **more: Any) -> dict[str, Any]:
    step = {"name": name, "provider": provider, "action_type": action_type, "payload_template": ORDER}
    step |= {"retry": {"max_retries": 2, "backoff_ms": 400, "jitter_ms": 200}, **more}
    if undo:
        step["compensate"] = {"provider": provider, "action_type": undo, "payload_template": ORDER}
    return step


# Named and spelt as in bench/mixed.py: bench/books.py says of them what stands and what is undone.
CHARGE = _call("charge", "payment-gateway", "charge_card", "refund_card")
FULFILL = _call("fulfill", "warehouse", "ship_order", point_of_no_return=True)
TELL = _call("tell", CARRIED_OUT_ONCE, "order_confirmation", on_failure="skip")
WAYS: dict[str, list[dict[str, Any]]] = {
    "plain": [CHARGE, FULFILL],
    "told": [CHARGE, FULFILL, TELL],
    "packed": [
        {
            "name": "prepare",
            "parallel": {
                "steps": [
                    _call("stock", "warehouse", "reserve_stock", "release_stock"),
                    _call("label", "warehouse", "print_label", "void_label"),
                ],
                "join": "all",
                "on_failure": "fail_fast",
            },
        },
        CHARGE,
        FULFILL,
    ],
    "insured": [{"name": "brokered", "sub_chain": "brokerage"}, CHARGE, FULFILL],
    "asked": [
        {**CHARGE, "on_unknown": "park"},
        {"name": "ask", "wait_for_signal": {"signal": SIGNAL, "timeout_seconds": 8}, "on_failure": "skip"},
        {"name": "pause", "timer": {"seconds": 1}},
        FULFILL,
    ],
}
CHAINS: list[dict[str, Any]] = [
    *({"name": way, "timeout_seconds": 600, "steps": steps} for way, steps in WAYS.items()),
    {"name": "brokerage", "steps": [_call("underwrite", "broker", "insure_b", "cancel_insure_b")]},
]


def _rule(name: str, priority: int, condition: dict[str, Any], **action: Any) -> dict[str, Any]:
    return {"name": name, "priority": priority, "condition": condition, "action": action}


def _said(name: str, value: Any) -> dict[str, Any]:
    return {"all": [PLACE, {"field": f"action.payload.{name}", "eq": value}]}


APPROVAL = {
    "type": "request_approval",
    "timeout_seconds": 20,
    "notify_provider": "notebook",
    "message": "dear",
}
RULES = [
    _rule("deny-regions", 1, _said("shipping_country", "KP"), type="deny"),
    # One throttle above what holds, which is paid before, and one below.
    _rule("paid-before", 2, PLACE, type="throttle", max_count=20, window_seconds=60),
    _rule("approve-dear", 3, _said("dear", True), **APPROVAL),
    _rule("later", 10, _said("later", True), type="schedule", delay_seconds=4),
    _rule("once", 15, PLACE, type="deduplicate", ttl_seconds=300),
    _rule("not-too-many", 20, PLACE, type="throttle", max_count=MOST_A_MINUTE, window_seconds=60),
    *(_rule(f"way-{way}", 30, _said("way", way), type="chain", chain=way) for way in WAYS),
    _rule("notes", 40, {"field": "action.action_type", "eq": "note"}, type="allow"),
]
LIFECYCLE = {
    **{"name": "order-lifecycle", "namespace": NAMESPACE, "action_type": "place_order"},
    **{"fingerprint_field": "order_id", "initial": "placed", "states": ["placed", "delivered"]},
    "transitions": [{"from": "placed", "to": "delivered"}],
    "terminal": ["delivered"],
}
QUOTAS = [
    {"namespace": NAMESPACE, "tenant": tenant, "max_actions": 1000, "window": "monthly"} for tenant in TENANTS
]
WEBHOOKS = ("payment-gateway", "warehouse", "broker", "notebook")


def _provider(name: str) -> dict[str, Any]:
    address = {"type": "webhook", "url": f"https://{name}.example/", "timeout_seconds": 5, "envelope": True}
    return {"name": name, "max_concurrent": 2, **address}


EMAIL = {"name": CARRIED_OUT_ONCE, "type": "email", "to": "a@shop.example", "timeout_seconds": 5}
BREAKER = {"failure_threshold": 4, "success_threshold": 1, "recovery_timeout_seconds": 5}


def files() -> dict[str, Any]:
    return {
        "providers": [*map(_provider, WEBHOOKS), EMAIL],
        "circuit_breakers": [{"provider": name, **BREAKER} for name in WEBHOOKS[:2]],
        "chains": CHAINS,
        "rules": RULES,
        "lifecycles": [LIFECYCLE],
        "quotas": QUOTAS,
        "settings": {"default_timezone": "UTC"},
    }


def load_configuration() -> None:
    """Have this process read all of it, as one does that has worked for a while: whatever was lived here before."""
    config_versions.expire()
    current_rules(), current_redactor(), providers(), breaker_fallbacks()
    quotas_counting("", "", "", ""), lifecycle_for("", "", ""), policy_for("", "")
    silences_of("", "", timezone.now()), has_subscribers()
    for chain in CHAINS:
        current = definitions().get(chain["name"])
        assert current is not None
        version_definition(current.version_id)


def template() -> bytes:
    """A database with the schema of now and this shop, as SQLite stores it."""
    before = connections[DEFAULT_DB_ALIAS]
    # In an atomic block migrations would not begin.
    settings = before.settings_dict | {"NAME": ":memory:", "OPTIONS": {"transaction_mode": "IMMEDIATE"}}
    settings |= {"ENGINE": "django.db.backends.sqlite3", "AUTOCOMMIT": True}
    connections[DEFAULT_DB_ALIAS] = own = DatabaseWrapper(settings, DEFAULT_DB_ALIAS)
    try:
        call_command("migrate", verbosity=0)
        config_versions.reset()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "shop.yaml"
            path.write_text(json.dumps(files()))
            load_paths([path], actor="the simulation")
        made: sqlite3.Connection = own.connection
        return made.serialize()
    finally:
        connections[DEFAULT_DB_ALIAS] = before
        config_versions.reset()
