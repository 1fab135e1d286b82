"""Stage 4, Gate, the reading half: lock what the actions of a set share, and read what the gates ask about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chains_app.providers.base import ProviderSettings
from chains_app.selectors import CurrentChain, definitions, providers
from chains_app.services.breakers import Blocked, breakers_blocking
from orders_app.contract.actions import Action
from orders_app.models import Hold, Order
from orders_app.pipeline.content import content_hash
from orders_app.pipeline.items import Decided
from orders_app.selectors import OrderKey, living_orders, open_holds, stored_actions
from orders_app.states import WAITING
from rules_app.engine import Deduplicate, Rule, StartChain, Throttle
from rules_app.services import gates
from rules_app.services.gates import Gate, gates_lock, gates_read
from rules_app.services.quota_windows import QuotaSpec, quotas_counting

REFUSING = frozenset({"deny", "suppress"})
HOLDING = frozenset({"request_approval", "schedule"})
CONTENT = "content"  # in a hold's context: the hash of what was submitted
NOBODY: OrderKey = ("", "", "")
GetGates = Callable[[Collection[str]], tuple[dict[str, Gate], datetime]]


@dataclass(slots=True)
class GateState:
    """Everything that the gates look at, locked. An action that passes changes it for the next one of the set.

    `holds` are those that wait, by their id and by their order's id; `originals` the actions in them, by their row's
    id, as far as something else was sent again; `blocked` the breakers that refuse a call now.
    """

    now: datetime  # the database's clock
    gates: dict[str, Gate]
    living: dict[OrderKey, Order]
    holds: dict[str, Hold]
    originals: dict[UUID, Action]
    providers: Mapping[str, ProviderSettings]
    blocked: Mapping[str, Blocked]
    caller_id: str

    def gate(self, key: str | None) -> Gate | None:
        return self.gates.get(key) if key else None


def gate_state_lock(decided: Sequence[Decided], caller_id: str, now: datetime) -> GateState:
    """Lock and read for these actions: at most four statements, however many they are.

    `now` only guesses which quota windows are meant; the state has the database's time.
    """
    return _gate_state(decided, caller_id, now, gates_lock)


def gate_state_read(decided: Sequence[Decided], caller_id: str, now: datetime) -> GateState:
    """The same without a lock, for a dry run: it may be over a moment later."""
    return _gate_state(decided, caller_id, now, gates_read)


def _gate_state(decided: Sequence[Decided], caller_id: str, now: datetime, get: GetGates) -> GateState:
    # Those that the rules refuse reach no gate, so nothing is locked for them.
    items = [item for item in decided if not item.plan.failed and item.plan.verdict not in REFUSING]
    found, found_at = _gates(items, caller_id, now, get)
    living = living_orders({item.order_name for item in items if item.order_name and item.order is None})
    hold_ids = {gate.data["hold"] for gate in found.values() if gate.data.get("hold")}
    holds = open_holds(living.values(), hold_ids)
    state = GateState(
        now=found_at,
        gates=found,
        living=living,
        holds=holds,
        originals={},
        providers=providers(),
        blocked=breakers_blocking(_called_in_request(items), now=found_at),
        caller_id=caller_id,
    )
    again = [(hold, item) for item in items if (hold := hold_found(item, state))]
    others = {
        hold.action_id for hold, item in again if hold.context.get(CONTENT) != content_hash(item.action)
    }
    state.originals.update(stored_actions(others))
    return state


def hold_found(item: Decided, state: GateState) -> Hold | None:
    """What waits under the action's order, or under its dedup key."""
    if item.hold is not None:
        return None
    order, gate = state.living.get(item.order_name or NOBODY), state.gate(dedup_gate_key(item))
    held = state.holds.get(str(order.pk)) if order and order.status in WAITING else None
    return held or (state.holds.get(gate.data.get("hold", "")) if gate else None)


def _gates(
    items: Sequence[Decided], caller_id: str, now: datetime, get: GetGates
) -> tuple[dict[str, Gate], datetime]:
    """The gates of these actions, their quota windows chosen by the database's clock."""
    found, found_at = get({key for item in items for key in gate_keys(item, caller_id, now)})
    # `now` was this process's clock: where a window began between the two, its row is still to be had.
    missing = {key for item in items for key in gate_keys(item, caller_id, found_at)} - found.keys()
    if missing:
        more, found_at = get(missing)
        found.update(more)
    return found, found_at


def gate_keys(item: Decided, caller_id: str, now: datetime) -> list[str]:
    keys = [key for key in (dedup_gate_key(item), order_gate_key(item)) if key]
    keys += [throttle_gate_key(item, rule) for rule in throttles_of(item)]
    if item.hold is None:
        keys += [quota.key(caller_id, now) for quota in quotas_of(item, caller_id)]
    return keys


def dedup_gate_key(item: Decided) -> str | None:
    """An id that the gateway made equals no other, so it needs no row."""
    action = item.action
    if not (action.given_id or action.dedup_key):
        return None
    return gates.dedup_key(action.namespace, action.tenant, action.action_type, action.dedup_value)


def order_gate_key(item: Decided) -> str | None:
    return gates.order_key(*item.order_name) if item.order_name else None


def throttle_gate_key(item: Decided, rule: Rule) -> str:
    action = item.action
    return gates.throttle_key(action.namespace, action.tenant, rule.name, action.action_type)


def throttles_of(item: Decided) -> list[Rule]:
    return [rule for rule in item.plan.gates if isinstance(rule.action, Throttle)]


def dedup_of(item: Decided) -> Rule | None:
    return next((rule for rule in item.plan.gates if isinstance(rule.action, Deduplicate)), None)


def quotas_of(item: Decided, caller_id: str) -> tuple[QuotaSpec, ...]:
    action = item.action
    return quotas_counting(action.namespace, action.tenant, action.provider, caller_id)


def chain_of(item: Decided) -> CurrentChain | None:
    """The chain that executes the action: the one its rule names, or the one whose trigger claims the action."""
    rule, action = item.plan.rule, item.action
    if rule is not None and isinstance(rule.action, StartChain):
        return definitions().get(rule.action.chain)
    if item.plan.verdict != "allow":
        return None  # a reroute replaces the execution, a hold postpones it
    return definitions().chain_for(action.namespace, action.tenant, action.action_type)


def calls_in_request(item: Decided) -> bool:
    """Whether the request itself would call a provider, so that a breaker can refuse it."""
    return item.plan.verdict not in (*HOLDING, "chain") and chain_of(item) is None


def _called_in_request(items: Collection[Decided]) -> set[str]:
    return {item.called_provider for item in items if calls_in_request(item)}
