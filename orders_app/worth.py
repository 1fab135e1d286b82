"""What an order is worth, in a number by which amounts of several currencies can be sorted, and what it stands for.

Nothing is converted: it is the amount in the currency's own unit, in ten-thousandths (no currency has more decimals).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acteon_site.base.money import DECIMALS, money
from orders_app.lifecycles.spec import LifecycleSpec

UNKNOWN = -1
_MOST_DECIMALS = 4
_LARGEST = 1_000_000_000_000_000_000  # what a column holds
_USUAL_DECIMALS = 2  # where the currency is not known
_LONGEST_CODE = 12


def priced(payload: Mapping[str, Any], lifecycle: LifecycleSpec | None) -> Mapping[str, Any]:
    """With the amount that its lifecycle names (a charge's, a refund's) as its total, for whatever asks for that."""
    money_of = (lifecycle.charges or lifecycle.refunds) if lifecycle else None
    if money_of is None or money_of.amount not in payload:
        return payload
    return {**payload, "total_cents": payload[money_of.amount], "currency": payload.get(money_of.currency)}


def worth_of(payload: Mapping[str, Any]) -> tuple[int, str]:
    """Worth and currency of a redacted payload; UNKNOWN where its total is hidden or no number."""
    total, code = payload.get("total_cents"), _code(payload.get("currency"))
    if isinstance(total, bool) or not isinstance(total, int) or total < 0:
        return UNKNOWN, code
    worth = total * 10 ** (_MOST_DECIMALS - _decimals(code))
    return (worth, code) if worth <= _LARGEST else (UNKNOWN, code)


def worth_shown(worth: int, code: str) -> str:
    """As people write the amount: "$600.00"."""
    if worth < 0:
        return "-"
    return money(worth // 10 ** (_MOST_DECIMALS - _decimals(code)), code)


def worth_of_amount(text: str) -> int | None:
    """The worth of what somebody types as an amount in the currency's unit ("500", "1,200.50"); None if it is none."""
    whole, _, part = text.replace(",", "").strip().partition(".")
    if not (whole + part).isascii() or not (whole + part).isdigit() or len(part) > _MOST_DECIMALS:
        return None
    worth = int((whole or "0") + part.ljust(_MOST_DECIMALS, "0"))
    return min(worth, _LARGEST)


def approvers_needed(payload: Mapping[str, Any], above: int | None) -> int:
    """How many people must approve such an order. Where its total is no number, the careful number."""
    if above is None:
        return 1
    total = payload.get("total_cents")
    if isinstance(total, bool) or not isinstance(total, int):
        return 2
    return 1 if total <= above else 2


def _code(value: Any) -> str:
    return value.strip().upper()[:_LONGEST_CODE] if isinstance(value, str) else ""


def _decimals(code: str) -> int:
    return DECIMALS.get(code, _USUAL_DECIMALS)
