"""How much speaks against an order: points, each with its reason in words. Pure.

Simple on purpose: a manager can say of each number where it comes from, and change it (approval policies).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

HIGHEST = 100
DAY = timedelta(days=1)
REFUSED = frozenset({"Suppressed", "QuotaExceeded"})
OF_THE_CUSTOMER = frozenset({"customer", "email", "card"})  # an address may be a whole house's
FEWEST_USUAL = 3  # orders from which on one can speak of what is usual


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier action that is tied to this one by these `kinds`. `status` is its order's, where it has one."""

    action_id: UUID
    kinds: tuple[str, ...]
    at: datetime
    worth: int
    currency: str
    outcome: str
    status: str = ""

    @property
    def is_refused(self) -> bool:
        return self.outcome in REFUSED or self.status == "rejected"

    @property
    def is_the_customers(self) -> bool:
        return not OF_THE_CUSTOMER.isdisjoint(self.kinds)


@dataclass(frozen=True, slots=True)
class Asked:
    """The order that is judged. `countries`: where it is sent to, and where it is billed."""

    worth: int
    currency: str
    countries: tuple[str, str]
    at: datetime
    has_customer: bool


Terms = Mapping[str, Mapping[str, int]]


def risk_of(order: Asked, past: Sequence[Past], terms: Terms) -> tuple[int, list[str]]:
    """The points, at most HIGHEST, and why."""
    found = list(_signs(order, past, terms))
    reasons = [f"{words} (+{terms[sign]['points']})" for sign, words in found]
    return min(sum(terms[sign]["points"] for sign, _ in found), HIGHEST), reasons


def _signs(order: Asked, past: Sequence[Past], terms: Terms) -> Iterator[tuple[str, str]]:
    own = [one for one in past if one.is_the_customers]
    for sign, words in (
        ("unusual_value", _unusual(order, own, terms["unusual_value"].get("times", 3))),
        ("first_order", "the first order of this customer" if order.has_customer and not own else ""),
        ("many_today", _many(order, past, terms["many_today"].get("orders", 3))),
        ("country_differs", _differs(order)),
        ("refused_before", _refused(own)),
    ):
        if words and terms[sign]["points"]:
            yield sign, words


def _unusual(order: Asked, own: Sequence[Past], times: int) -> str:
    known = [one.worth for one in own if one.currency == order.currency and one.worth >= 0]
    if order.worth < 0 or len(known) < FEWEST_USUAL:
        return ""
    usual = median(known)
    if usual <= 0 or order.worth < usual * times:
        return ""
    return f"{order.worth / usual:,.0f} times what this customer usually orders"


def _many(order: Asked, past: Sequence[Past], orders: int) -> str:
    for kind, words in (("card", "card"), ("email", "e-mail"), ("address", "address")):
        count = sum(kind in one.kinds and one.at > order.at - DAY for one in past)
        if count >= orders:
            return f"{count} other orders with the same {words} within a day"
    return ""


def _differs(order: Asked) -> str:
    sent, billed = (country.strip().upper() for country in order.countries)
    return f"sent to {sent}, billed in {billed}" if sent and billed and sent != billed else ""


def _refused(own: Iterable[Past]) -> str:
    refused = sum(one.is_refused for one in own)
    return f"{refused} earlier order{'' if refused == 1 else 's'} of this customer refused" if refused else ""
