"""Stage 4, Gate: what counters say. Their rows are locked with the gates', so a rule that asks them is decided here.

Such an action was decided before as if nothing had been counted, which told what it may come to need; now it is
decided by what it finds. Orders of a set find what those before them have counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from acteon_site.base.errors import AppError
from orders_app.pipeline.decide import require_one_spelling
from orders_app.pipeline.gate_state import COUNTED, GateState, gate_state_extend
from orders_app.pipeline.items import Decided
from orders_app.pipeline.refunds import order_facts
from rules_app.services.counting import counters_count, counts_found


def action_count(item: Decided, state: GateState) -> Decided | AppError:
    """The action with its plan by what the counters say now; the same where no rule asks any.

    An error where that plan makes a payload that its lifecycle refuses.
    """
    if item.again is None:
        return item
    try:
        found = counts_found(item.met, state.gates, state.now, marks_of(item))
        counts = replace(found, order=order_facts(item, state.ledgers, state.now))
        again = item.again(counts)
        if item.hold is None:
            require_one_spelling(again)
    except AppError as error:
        return error
    counted = replace(again, row_id=item.row_id, met=item.met, counts=counts, again=None)
    gate_state_extend(state, counted)
    return counted


def marks_of(item: Decided) -> dict[str, Any]:
    """What a held action has counted already."""
    found: dict[str, Any] = item.hold.context.get(COUNTED, {}) if item.hold else {}
    return found


def counters_take(item: Decided, state: GateState) -> dict[str, Any]:
    """Count the action once, when it is accepted first."""
    return marks_of(item) if item.hold else dict(counters_count(item.met, state.gates, state.now))
