"""A chain of every kind of step, which a share of the orders runs through in place of the fixture's.

pause            a timer
prepare          all of: stock, label                         one that fails stops the other
courier          by its fallback while the breaker is open     a fallback's work is undone by a person
insure           any of: insurer, a sub-chain with a broker    the slower one stops and undoes its own
customs          a sub-chain that undoes itself                its breaker's fallback only takes it for review
ask              a signal: early, when asked, or never         refuse (which fails) or, in silence, remind
charge           an unknown outcome waits for a person
extras           all of: wrap, warranty, survey                best effort
deliver          the point of no return
thank            skipped where it fails
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "ecommerce" / "chains.yaml"
CHAIN, SIGNAL = "mixed-order", "packed"
PROVIDERS = ("courier", "courier-b", "insurer", "broker", "customs-office")
# Breakers that the bench trips: who stands in, for two seconds.
FALLBACKS = {"courier": "courier-b", "customs-office": "compliance-queue"}
# How many percent of the orders a provider refuses.
DECLINES = {"print_label": 4, "wrap_gift": 40, "register_warranty": 30, "clear_customs": 6, "insure_b": 10}
DECLINES |= {"refuse_order": 100}
# What stands of every completed order. Of the insurances one at least.
ALWAYS = frozenset(("stock", "label", "courier", "declare", "charge", "deliver"))
ONE_OF = frozenset(("insurer", "underwrite"))

ORDER = {"order_id": "{{origin.payload.order_id}}"}
PATIENT = {"max_retries": 3, "backoff_ms": 300, "strategy": "fixed", "jitter_ms": 100}


def _call(name: str, provider: str, action_type: str, undo: str = "", **more: Any) -> dict[str, Any]:
    step = {"name": name, "provider": provider, "action_type": action_type, "payload_template": ORDER}
    step |= {"retry": PATIENT, **more}
    if undo:
        step["compensate"] = {"provider": provider, "action_type": undo, "payload_template": ORDER}
    return step


def _aside(name: str, join: str, on_failure: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "parallel": {"steps": list(steps), "join": join, "on_failure": on_failure}}


CHAINS: list[dict[str, Any]] = [
    {
        "name": CHAIN,
        "timeout_seconds": 900,
        "on_cancel": {"provider": "email-service", "action_type": "order_cancelled"},
        "steps": [
            {"name": "pause", "timer": {"seconds": 1}},
            _aside(
                "prepare",
                "all",
                "fail_fast",
                _call("stock", "warehouse", "reserve_stock", "release_stock"),
                _call("label", "warehouse", "print_label", "void_label"),
            ),
            _call("courier", "courier", "book_courier", "cancel_courier", on_fallback="accept"),
            _aside(
                "insure",
                "any",
                "fail_fast",
                _call("insurer", "insurer", "insure_a", "cancel_insure_a"),
                {"name": "brokered", "sub_chain": "brokerage"},
            ),
            {"name": "customs", "sub_chain": "customs-clearance", "timeout_seconds": 600},
            {
                "name": "ask",
                "wait_for_signal": {"signal": SIGNAL, "timeout_seconds": 4},
                "branches": [
                    {"field": "success", "operator": "eq", "value": False, "target": "remind"},
                    {"field": "body.approved", "operator": "eq", "value": True, "target": "charge"},
                ],
                "default_next": "refuse",
            },
            {
                **_call("remind", "email-service", "shop_reminder"),
                **{"delay_seconds": 1, "on_failure": "skip", "default_next": "charge"},
            },
            {**_call("refuse", "warehouse", "refuse_order"), "default_next": "end"},
            _call("charge", "payment-gateway", "charge_card", "refund_card", on_unknown="park"),
            _aside(
                "extras",
                "all",
                "best_effort",
                _call("wrap", "warehouse", "wrap_gift", "unwrap_gift"),
                {"name": "guarantee", "sub_chain": "warranty"},
                _call("survey", "email-service", "survey"),
            ),
            {**_call("deliver", "warehouse", "ship_order"), "point_of_no_return": True},
            _call("thank", "email-service", "order_confirmation", on_failure="skip"),
        ],
    },
    {
        "name": "brokerage",
        "timeout_seconds": 600,
        "steps": [_call("underwrite", "broker", "insure_b", "cancel_insure_b")],
    },
    {
        "name": "customs-clearance",
        "steps": [
            _call("declare", "customs-office", "declare_customs", "withdraw_customs", on_fallback="accept"),
            _call("clear", "customs-office", "clear_customs"),
        ],
    },
    {
        "name": "warranty",
        "steps": [
            _call("quote", "insurer", "quote_warranty"),
            _call("register", "insurer", "register_warranty", "void_warranty"),
        ],
    },
]
RULE = {
    "name": "mixed-orders",
    "priority": 30,
    "condition": {"field": "action.payload.mixed", "eq": True},
    "action": {"type": "chain", "chain": CHAIN},
}


@dataclass(frozen=True)
class Effect:
    """What a step does at a provider, and what undoes it ("": nothing)."""

    action_type: str
    undo: str = ""


@functools.cache
def effects() -> Mapping[str, Effect]:
    """Of each step, by its name, that declares `compensate` or is a point of no return. Everything else is harmless."""
    chains = [*yaml.safe_load(FIXTURE.read_text())["chains"], *CHAINS]
    found: dict[str, Effect] = {}
    for step in (step for chain in chains for step in _flat(chain["steps"])):
        if "compensate" in step or step.get("point_of_no_return"):
            undo = step.get("compensate", {}).get("action_type", "")
            found[step["name"]] = Effect(step["action_type"], undo)
    return found


def _flat(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield from _flat(step["parallel"]["steps"]) if "parallel" in step else [step]
