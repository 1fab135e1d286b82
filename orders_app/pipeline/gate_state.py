"""Stage 4, Gate, the reading half: lock what the actions of a set share, and read what the gates ask about."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection

from acteon_site.base.connections import in_breaths_with_locks
from acteon_site.base.statements import execute_in_turn
from chains_app.providers.base import ProviderSettings
from chains_app.selectors import CurrentChain, definitions, providers
from chains_app.services.breakers import Blocked, breakers_blocking
from orders_app.contract.actions import Action
from orders_app.models import Hold, Order
from orders_app.pipeline.content import content_hash
from orders_app.pipeline.group_keys import group_key_of, group_rules_of
from orders_app.pipeline.items import Decided
from orders_app.pipeline.refunds import Ledgers, ledgers_extend, ledgers_of
from orders_app.pipeline.shadow_gates import shadow_gate_keys
from orders_app.selectors import (
    OrderKey,
    living_any,
    living_orders,
    open_holds,
    stored_actions,
)
from orders_app.states import WAITING
from rules_app.engine import Deduplicate, Reroute, Rule, StartChain, Throttle
from rules_app.services import gates
from rules_app.services.counting import keys_of
from rules_app.services.gates import (
    Gate,
    Statement,
    gates_asking,
    gates_lock,
    gates_locked,
    gates_locking,
    gates_read,
    group_gate_key,
)
from rules_app.services.quota_windows import QuotaSpec, quotas_counting

REFUSING = frozenset({"deny", "suppress"})
HOLDING = frozenset({"request_approval", "schedule"})
# In a hold's context: the hash of what was submitted, and what it left in counters.
CONTENT, COUNTED = "content", "counted"
NOBODY: OrderKey = ("", "", "")
Found = tuple[dict[str, Gate], datetime, dict[OrderKey, Order]]
Find = Callable[[Collection[str], Collection[OrderKey]], Found]


@dataclass(slots=True)
class GateState:
    """Everything that the gates look at, locked. An action that passes changes it for the next one of the set.

    `holds` are those that wait, by their id and by their order's id; `originals` the actions in them, by their row's
    id, as far as something else was sent again; `blocked` the breakers that refuse a call now; `ledgers` those that
    refunds ask for, None where nobody knows them.
    """

    now: datetime  # the database's clock
    since: float  # the steady clock, in seconds, before that was read
    gates: dict[str, Gate]
    living: dict[OrderKey, Order]
    holds: dict[str, Hold]
    originals: dict[UUID, Action]
    providers: Mapping[str, ProviderSettings]
    blocked: Mapping[str, Blocked]
    find: Find
    ledgers: Ledgers | None = None
    told: Any = None  # what was asked beside

    def gate(self, key: str | None) -> Gate | None:
        return self.gates.get(key) if key else None


def gate_state_lock(decided: Sequence[Decided], beside: Statement | None = None) -> GateState:
    """Lock and read for these actions: at most five statements, however many they are.

    `beside` is a JSON expression that PostgreSQL is asked together with them; None in `told` where nothing asked it.
    """
    told: list[Any] = []
    state = _gate_state(decided, partial(_lock, beside=beside, told=told), lock=True)
    state.find, state.told = _lock, told[0] if told else None
    return state


def gate_state_read(decided: Sequence[Decided], at: datetime | None = None) -> GateState:
    """The same without a lock, for a dry run: it may be over a moment later. `at`: as it will be then."""
    return _gate_state(decided, partial(_read, at=at))


def _lock(
    keys: Collection[str],
    names: Collection[OrderKey],
    beside: Statement | None = None,
    told: list[Any] | None = None,
) -> Found:
    """The gates of these keys, locked, and after that the living orders of these names."""
    if connection.vendor != "postgresql" or not keys:
        return *gates_lock(keys), living_orders(names)
    rows = execute_in_turn([gates_locking(keys), gates_asking(keys, _together(living_any(names), beside))])
    any_living, answer = json.loads(rows[-1][1])
    if told is not None and beside is not None:
        told.append(answer)
    return *gates_locked(keys, rows), living_orders(names) if any_living else {}


def _together(one: Statement, other: Statement | None) -> Statement:
    sql, parameters = other or ("NULL", [])
    return f"json_build_array({one[0]}, {sql})", [*one[1], *parameters]


def _read(keys: Collection[str], names: Collection[OrderKey], at: datetime | None = None) -> Found:
    return *gates_read(keys, at), living_orders(names)


def _gate_state(decided: Sequence[Decided], find: Find, *, lock: bool = False) -> GateState:
    # Those that the rules refuse, or that are muted, reach no gate, so nothing is locked for them.
    items = [item for item in decided if item.again or not _refused(item)]
    # What is refused on its release gives back what it had reserved.
    ledgers = ledgers_of(
        [item for item in decided if item.order or item.again or not _refused(item)], lock=lock
    )
    since = time.monotonic()
    found, found_at, living = _found(items, find)
    state = GateState(
        now=found_at,
        since=since,
        gates=found,
        living=living,
        holds=_holds_met(items, found, living),
        originals={},
        providers=providers(),
        blocked=breakers_blocking(_called_in_request(items), now=found_at),
        find=find,
        ledgers=ledgers,
    )
    again = [(hold, item) for item in items if (hold := hold_found(item, state))]
    others = {
        hold.action_id for hold, item in again if hold.context.get(CONTENT) != content_hash(item.action)
    }
    state.originals.update(stored_actions(others))
    return state


def _refused(item: Decided) -> bool:
    return item.plan.failed is not None or item.plan.verdict in REFUSING or item.muted is not None


def gate_state_extend(state: GateState, item: Decided) -> None:
    """Lock and read what only the plan by its counters asks for: an order's name, or a group, that a `modify` rule
    has changed."""
    if state.ledgers is not None:
        ledgers_extend(state.ledgers, item, lock=connection.in_atomic_block)
    order_key = order_gate_key(item) if item.order is None else None
    keys = {key for key in (order_key, *group_gate_keys(item)) if key and key not in state.gates}
    if not keys or _refused(item):
        return
    names = {item.order_name or NOBODY} if order_key in keys else set()
    found, _, living = state.find(keys, names)
    state.gates.update(found)
    state.living.update(living)
    state.holds.update(_holds_met([item], found, living))


def _holds_met(
    items: Sequence[Decided], gates: Mapping[str, Gate], living: Mapping[OrderKey, Order]
) -> dict[str, Hold]:
    """What waits under these keys and names. What is released meets nobody but itself there."""
    if all(item.hold for item in items):
        return {}
    hold_ids = {gate.data["hold"] for gate in gates.values() if gate.data.get("hold")}
    return open_holds(living.values(), hold_ids)


def hold_found(item: Decided, state: GateState) -> Hold | None:
    """What waits under the action's order, or under its dedup key."""
    if item.hold is not None or not state.holds:
        return None
    order, gate = state.living.get(item.order_name or NOBODY), state.gate(dedup_gate_key(item))
    held = state.holds.get(str(order.pk)) if order and order.status in WAITING else None
    return held or (state.holds.get(gate.data.get("hold", "")) if gate else None)


def _found(items: Sequence[Decided], find: Find) -> Found:
    """The gates of these actions, their quota windows chosen by the database's clock, and orders of their names."""
    keys, windows = set(), set()
    for item in in_breaths_with_locks(items):
        keys.update(_lasting_keys(item))
        windows.update(_window_keys(item, item.submission.received_at))
    names = {item.order_name for item in items if item.order_name and item.order is None}
    found, found_at, living = find(keys | windows, names)
    # That was this process's clock: where a window began between the two, its row is still to be had.
    of_then = {key for item in items for key in _window_keys(item, found_at)} if windows else windows
    missing = of_then - found.keys()
    if missing:
        more, found_at, _ = find(missing, ())
        found.update(more)
    return found, found_at, living


def _lasting_keys(item: Decided) -> list[str]:
    """Of the gates that are the same at any time."""
    keys = [key for key in (dedup_gate_key(item), order_gate_key(item), *keys_of(item.met)) if key]
    throttles = _throttles(item.possible) if item.again else throttles_of(item)
    keys += group_gate_keys(item)
    return keys + [throttle_gate_key(item, rule) for rule in throttles] + shadow_gate_keys(item)


def _window_keys(item: Decided, now: datetime) -> list[str]:
    """Of the quotas' windows at this time; what is released was counted when it was accepted."""
    return [] if item.hold is not None else [quota_gate_key(item, quota, now) for quota in quotas_of(item)]


def dedup_gate_key(item: Decided) -> str | None:
    """An id that the gateway made equals no other, so it needs no row."""
    action = item.action
    if not (action.given_id or action.dedup_key):
        return None
    return gates.dedup_key(action.namespace, action.tenant, action.action_type, action.dedup_value)


def order_gate_key(item: Decided) -> str | None:
    return gates.order_key(*item.order_name) if item.order_name else None


def group_gate_keys(item: Decided) -> list[str]:
    return [group_gate_key(group_key_of(item, rule, action)) for rule, action in group_rules_of(item)]


def throttle_gate_key(item: Decided, rule: Rule) -> str:
    action = item.action
    return gates.throttle_key(action.namespace, action.tenant, rule.name, action.action_type)


def throttles_of(item: Decided) -> list[Rule]:
    return _throttles(item.plan.gates)


def _throttles(rules: Iterable[Rule]) -> list[Rule]:
    return [rule for rule in rules if isinstance(rule.action, Throttle)]


def dedup_of(item: Decided) -> Rule | None:
    return next((rule for rule in item.plan.gates if isinstance(rule.action, Deduplicate)), None)


def quotas_of(item: Decided) -> tuple[QuotaSpec, ...]:
    action = item.action
    return quotas_counting(action.namespace, action.tenant, action.provider, item.submission.caller.caller_id)


def quota_gate_key(item: Decided, quota: QuotaSpec, now: datetime) -> str:
    return quota.key(item.submission.caller.caller_id, now)


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
    return item.plan.verdict not in (*HOLDING, "chain", "group") and chain_of(item) is None


def _called_in_request(items: Collection[Decided]) -> set[str]:
    called = {item.called_provider for item in items if not item.again and calls_in_request(item)}
    return called.union(*(_callable(item) for item in items if item.again))


def _callable(item: Decided) -> Iterator[str]:
    """Whom its request may call, whatever the counters say."""
    action = item.action
    if definitions().chain_for(action.namespace, action.tenant, action.action_type) is None:
        yield action.provider
    for rule in item.possible:
        if isinstance(rule.action, Reroute):
            yield rule.action.target_provider
