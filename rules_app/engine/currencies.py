"""Rules that compare an amount without saying in which currency: 50000 is $500.00, and ¥50,000. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from acteon_site.base.money import is_amount, money
from rules_app.engine.conditions import Condition, Leaf
from rules_app.engine.rules import Rule

_MOST_SHOWN = 4
_PRESENCE = ("exists", "is_null")


def currency_advice(rule: Rule, currencies: Collection[str]) -> str | None:
    """What to tell about the rule where its orders come in these currencies, or None."""
    leaf = next(_without_currency(rule.condition), None)
    if leaf is None or len(currencies) < 2:
        return None
    shown = sorted(currencies)[:_MOST_SHOWN]
    amount = leaf.operand[0] if isinstance(leaf.operand, list) else leaf.operand
    means = ", ".join(money(amount, code) for code in shown)
    more = f" and {len(currencies) - len(shown)} more" if len(currencies) > len(shown) else ""
    return (
        f"compares {leaf.field.path} without naming a currency, and its orders come in {', '.join(shown)}{more}: "
        f"{amount} is {means}. Put a clause on the currency beside it under all, "
        "and say in a rule of its own what holds for every other currency."
    )


def _without_currency(condition: Condition, *, named: bool = False) -> Iterator[Leaf]:
    """Comparisons of amounts that no clause on a currency stands beside, in an `all` around them."""
    if condition.leaf:
        if not named and _compares_amount(condition.leaf):
            yield condition.leaf
        elif condition.leaf.inner:
            yield from _without_currency(condition.leaf.inner, named=named)
        return
    if condition.group == "all":
        named = named or any(_speaks_of_currency(child) for child in condition.children)
    for child in condition.children:
        yield from _without_currency(child, named=named)


def _speaks_of_currency(condition: Condition) -> bool:
    """Alone, or as a choice of currencies: not where an amount stands in the same clause."""
    leaves = list(condition.leaves())
    return all(
        leaf.field.path.endswith("currency") and leaf.operator.name not in _PRESENCE for leaf in leaves
    )


def _compares_amount(leaf: Leaf) -> bool:
    """With anything but nothing: 0 is 0 in every currency."""
    operands = leaf.operand if isinstance(leaf.operand, list) else [leaf.operand]
    counts = leaf.operator.takes == "count"  # characters, and no money
    return (
        is_amount(leaf.field.path)
        and not counts
        and any(type(one) in (int, float) and one for one in operands)
    )
