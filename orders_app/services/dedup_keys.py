"""Dedup keys outside of a dispatch: freed when the action may be submitted again, taken back when its run goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orders_app.contract.actions import stored_action
from orders_app.models import Hold
from rules_app.services.gates import Gate, dedup_key, gates_lock, gates_write


def dedup_key_free_of_hold(hold: Hold) -> None:
    """Free the key that the hold owns."""
    gate, _ = _locked_gate(hold.action.body)
    if gate.data.get("hold") == str(hold.pk):
        gate.clear()
        gates_write([gate])


def dedup_keys_free(actions: Sequence[Mapping[str, Any]]) -> None:
    """Free the keys of actions whose orders may be placed again. Their runs may be resumed: so they are remembered."""
    if not actions:
        return
    keyed = [_key_and_id(stored) for stored in actions]
    gates, _ = gates_lock([key for key, _ in keyed])
    for key, action_id in keyed:
        gate = gates[key]
        if gate.data.get("action_id") == action_id:
            gate.put({"freed": gate.data}, gate.expires_at)
    gates_write(gates.values())


def dedup_key_retake(stored: Mapping[str, Any]) -> bool:
    """Take the key back, as far as its time is not over. False where another action has it now."""
    gate, action_id = _locked_gate(stored)
    if gate.data.get("hold"):  # another action waits, and owns it meanwhile
        return False
    freed = gate.data.get("freed", {})
    if freed.get("action_id") == action_id:
        gate.put(freed, gate.expires_at)
        gates_write([gate])
    return gate.data.get("action_id") in (None, action_id)


def _locked_gate(stored: Mapping[str, Any]) -> tuple[Gate, str]:
    """The locked gate of the action's dedup key, and the action's id."""
    key, action_id = _key_and_id(stored)
    gates, _ = gates_lock([key])
    return gates[key], action_id


def _key_and_id(stored: Mapping[str, Any]) -> tuple[str, str]:
    action = stored_action(stored)
    return dedup_key(action.namespace, action.tenant, action.action_type, action.dedup_value), action.id
