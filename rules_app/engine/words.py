"""Rules in the business's words: total is at least $500.00, and not action.payload.total_cents >= 50000. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acteon_site.base.money import DECIMALS, is_amount, money
from rules_app.engine.conditions import Condition, Leaf
from rules_app.engine.facts import FACTS
from rules_app.engine.fields import EACH, ITEM
from rules_app.engine.rules import Rule
from rules_app.engine.times import WEEKDAYS

Shop = tuple[str, str]  # namespace, tenant
_PLAIN = re.compile(r"[\w.@:/+-]+")
_OF_THE_ACTION = {"id": "action's id", "status": "action's status", "template": "template profile"}
_OF_THE_CLOCK = {
    "clock": "time of day",
    "weekday_num": "day of the week",
    "weekday": "day of the week",
    "timestamp": "seconds since 1970",
    "day": "day of the month",
}


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What a business calls its fields, by their paths, and in which currencies its shops' orders come."""

    labels: Mapping[str, str] = field(default_factory=dict)
    currencies: Mapping[Shop, frozenset[str]] = field(default_factory=dict)

    def label(self, path: str) -> str:
        return self.labels.get(path) or label_from_name(path)

    def currency(self, namespace: str = "*", tenant: str = "*") -> str:
        """The one currency in which the orders of that scope come, else nothing."""
        found = {
            code
            for (own_namespace, own_tenant), codes in self.currencies.items()
            if namespace in ("*", own_namespace) and tenant in ("*", own_tenant)
            for code in codes
        }
        return found.pop() if len(found) == 1 else ""


PLAIN = Lexicon()  # names of fields alone, amounts in smallest units


def label_from_name(path: str) -> str:
    """A field's name as a word of a sentence: action.payload.shipping_country is the shipping country."""
    if EACH in path:
        whole, _, part = path.partition(EACH)
        return f"{label_from_name(f'{ITEM}{part}')} of {label_from_name(whole)}"
    if path in FACTS:
        return FACTS[path].label
    root, _, rest = path.partition(".")
    if root == "time":
        return _OF_THE_CLOCK.get(rest, rest)
    for place in ("payload.", "metadata."):
        rest = rest.removeprefix(place)
    if root != "counter" and rest in _OF_THE_ACTION:
        return _OF_THE_ACTION[rest]
    plain = rest.removesuffix("_cents") if is_amount(rest) else rest
    return re.sub(r"[._-]+", " ", plain).strip() or path


def rule_in_words(rule: Rule, lexicon: Lexicon) -> str:
    """One sentence: When total is at least $500.00: hold for approval, at most 1 hour, and tell email-service."""
    effect = f"; in effect {rule.effect_in_words}" if rule.effect else ""
    muted = f"; sends nothing {rule.muting_in_words}" if rule.muting_in_words else ""
    return f"{_stage(rule)}When {condition_in_words(rule, lexicon)}: {rule.action_in_words()}{effect}{muted}"


def stage_in_words(rule: Rule) -> str:
    """Whether the rule is live: for all, or for a share of orders; or in shadow."""
    words = "in shadow: notes what it would do, and does nothing" if rule.shadow else "live"
    return f"{words}, for {rule.rollout.in_words()}" if rule.rollout else words


def _stage(rule: Rule) -> str:
    """The beginning of the sentence, where the rule is not simply live."""
    share = f"for {rule.rollout.in_words()}" if rule.rollout else ""
    words = ", ".join(filter(None, ("in shadow" if rule.shadow else "", share)))
    return f"{words[0].upper()}{words[1:]}. " if words else ""


def condition_in_words(rule: Rule, lexicon: Lexicon) -> str:
    currency = lexicon.currency(rule.namespace, rule.tenant)
    return _Teller(lexicon).told(rule.condition, currency)


@dataclass(frozen=True, slots=True)
class _Teller:
    lexicon: Lexicon

    def told(self, condition: Condition, currency: str) -> str:
        if condition.leaf:
            return self._leaf(condition.leaf, currency)
        if condition.group == "not":
            return f"not ({self.told(condition.children[0], currency)})"
        if condition.group == "all":
            currency = _named_currency(condition) or currency
        word = " and " if condition.group == "all" else " or "
        return word.join(self._nested(child, currency) for child in condition.children)

    def _nested(self, child: Condition, currency: str) -> str:
        text = self.told(child, currency)
        return f"({text})" if child.group in ("all", "any") else text

    def _leaf(self, leaf: Leaf, currency: str) -> str:
        path = leaf.field.path
        label = self.lexicon.label(path)
        if leaf.inner:
            return f"{leaf.operator.words} {label} has: {self._nested(leaf.inner, currency)}"
        if leaf.other:
            other = self.lexicon.label(leaf.other.path)
            return leaf.operator.sentence(label, leaf.operand, lambda value: f"the {other}")
        plain = "" if leaf.operator.takes == "count" else path
        return leaf.operator.sentence(label, leaf.operand, lambda value: _shown(plain, value, currency))


def _named_currency(condition: Condition) -> str:
    """The one that a clause of this group demands, so that amounts beside it are in it."""
    leaves = (child.leaf for child in condition.children if child.leaf)
    named = (
        one.operand for one in leaves if one.field.path.endswith("currency") and one.operator.name == "eq"
    )
    return next((code for code in named if code in DECIMALS), "")


def _shown(path: str, value: Any, currency: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_amount(path) and isinstance(value, int):
        return money(value, currency) if currency else f"{value:,} in the smallest unit of its currency"
    if path == "time.weekday_num" and isinstance(value, int) and 1 <= value <= len(WEEKDAYS):
        return f"{value} ({WEEKDAYS[value - 1]})"
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
    return f"{value:,}" if isinstance(value, int) and not path.startswith("time.") else str(value)
