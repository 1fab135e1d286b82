"""Clauses, changes and plans as a manager reads them: money as money, names without their paths. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any

from acteon_site.base.clock_text import span_in_words, span_text
from acteon_site.base.money import is_amount, money
from rules_app.engine.actions.chain import StartChain
from rules_app.engine.actions.group import Group
from rules_app.engine.actions.request_approval import RequestApproval
from rules_app.engine.actions.reroute import Reroute
from rules_app.engine.actions.schedule import Schedule
from rules_app.engine.changes import Change
from rules_app.engine.clauses import Clause
from rules_app.engine.conditions import Leaf
from rules_app.engine.decide import Plan
from rules_app.engine.facts import FACTS
from rules_app.engine.near_values import OTHER_TEXTS
from rules_app.engine.scope import MISSING
from rules_app.engine.words import label_from_name
from rules_app.engine.world_changes import counter_in_words

Payload = Mapping[str, Any]
HIDDEN = "not shown"
LONGEST, MOST_MEMBERS = 80, 6
# By operator: how a clause reads that holds, and one that does not.
_PHRASES: dict[str, tuple[str, str]] = {
    "eq": ("is {}", "is not {}"),
    "ne": ("is not {}", "is {}"),
    "gt": ("is more than {}", "is not more than {}"),
    "gte": ("is at least {}", "is not at least {}"),
    "lt": ("is less than {}", "is not less than {}"),
    "lte": ("is at most {}", "is not at most {}"),
    "in_list": ("is one of {}", "is none of {}"),
    "not_in_list": ("is none of {}", "is one of {}"),
    "in_named_list": ("is on the list {}", "is not on the list {}"),
    "not_in_named_list": ("is not on the list {}", "is on the list {}"),
    "contains": ("contains {}", "does not contain {}"),
    "not_contains": ("does not contain {}", "cannot be said not to contain {}"),
    "starts_with": ("starts with {}", "does not start with {}"),
    "ends_with": ("ends with {}", "does not end with {}"),
    "matches": ("matches {}", "does not match {}"),
    "exists": ("is given", "is not given"),
    "is_null": ("is empty", "is not empty"),
    "starts_with_any": ("starts with {}", "does not start with {}"),
    "ends_with_any": ("ends with {}", "does not end with {}"),
    "length": ("has the length {}", "has not the length {}"),
    "min_length": ("has at least the length {}", "has not at least the length {}"),
    "max_length": ("has at most the length {}", "has not at most the length {}"),
    "in_cidr": ("is in the network {}", "is not in the network {}"),
    "not_in_cidr": ("is outside of the network {}", "is in the network {}"),
    "email_domain": ("is an address at {}", "is no address at {}"),
    "email_domain_within": ("is an address at or below {}", "is no address at or below {}"),
    "before": ("is before {}", "is not before {}"),
    "after": ("is after {}", "is not after {}"),
    "on_or_before": ("is on or before {}", "is not on or before {}"),
    "on_or_after": ("is on or after {}", "is not on or after {}"),
    "older_than": ("is older than {}", "is not older than {}"),
    "younger_than": ("is younger than {}", "is not younger than {}"),
}
_WITHOUT_CASE = ("eq", "ne", "in_list", "not_in_list", "contains", "not_contains", "starts_with", "ends_with")


def _in_any_case(said: tuple[str, str]) -> tuple[str, str]:
    return f"{said[0]} (ignoring case)", f"{said[1]} (ignoring case)"


PHRASES = MappingProxyType(
    _PHRASES | {f"{name}_ignoring_case": _in_any_case(_PHRASES[name]) for name in _WITHOUT_CASE}
)
_SYMBOLS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}
_CLOCK = {"weekday_num": "number of the weekday", "clock": "time of day", "timestamp": "Unix time"}


def label(path: str) -> str:
    """`action.payload.shipping_country` as "shipping country"."""
    if path in FACTS:
        return FACTS[path].label
    root, _, rest = path.partition(".")
    if root == "time":
        return _CLOCK.get(rest, rest)
    if root == "counter":
        return label_from_name(path)
    name = rest.removeprefix("payload.").removeprefix("metadata.")
    return name.removesuffix("_cents").replace("_", " ").replace(".", " ") or path


def value_in_words(path: str, value: Any, payload: Payload) -> str:
    if value is MISSING:
        return "missing"
    if is_amount(path) and type(value) is int:
        return money(value, _currency_at(path, payload))
    if value is None or value == "":
        return "empty"
    if isinstance(value, list) and len(value) > MOST_MEMBERS:
        shown = ", ".join(value_in_words(path, one, payload) for one in value[:MOST_MEMBERS])
        return f"{shown} and {len(value) - MOST_MEMBERS} more"
    if isinstance(value, list):
        return ", ".join(value_in_words(path, one, payload) for one in value) or "an empty list"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _currency_at(path: str, payload: Payload) -> Any:
    """The one that stands nearest above the field."""
    inside: Any = payload
    found = None
    for segment in path.removeprefix("action.payload.").split("."):
        if isinstance(inside, Mapping):
            found, inside = inside.get("currency", found), inside.get(segment)
        elif isinstance(inside, list) and segment.isdecimal() and int(segment) < len(inside):
            inside = inside[int(segment)]
    return found


def clause_in_words(clause: Clause, payload: Payload, *, hidden: bool = False) -> str:
    """A comparison that was made, for example "the total, $600.00, is at least $500.00"."""
    leaf = _leaf(clause)
    path, presence = leaf.field.path, leaf.operator.name in ("exists", "is_null")
    name = f"the {label(path)}"
    if hidden:
        return f"{name} ({HIDDEN}) {'is' if clause.holds else 'is not'} as the rule asks"
    if leaf.inner:
        return _members_in_words(leaf, clause, name)
    said = PHRASES[leaf.operator.word][0 if clause.holds is _as_written(leaf) else 1]
    wanted = _operand_in_words(leaf, clause, payload)
    value = value_in_words(path, clause.value, payload)
    told = "" if presence or (value == wanted and said == "is {}") else f", {value},"
    return f"{name}{told} {said.format(wanted)}"


def _members_in_words(leaf: Leaf, clause: Clause, name: str) -> str:
    """ "of the items, 3, at least one is so: item.sku starts with ..."."""
    if not isinstance(clause.value, list):
        return f"{name} {'are missing' if clause.value is MISSING else 'are no list'}"
    each = "at least one" if leaf.operator.word == "any" else "each"
    is_so = "is so" if clause.holds else "is not so" if each == "each" else "would have to be so"
    asked = leaf.inner.text if leaf.inner else ""
    return f"of {name}, {len(clause.value)} of them, {each} {is_so}: {asked}"


def _operand_in_words(leaf: Leaf, clause: Clause, payload: Payload) -> str:
    if leaf.other:
        met = "" if clause.other is MISSING else f", {value_in_words(leaf.other.path, clause.other, payload)}"
        return f"the {label(leaf.other.path)}{met or ', which is missing'}"
    if leaf.operator.takes in ("count", "duration"):
        return str(leaf.operand)
    return value_in_words(leaf.field.path, leaf.operand, payload)


def _as_written(leaf: Leaf) -> bool:
    """`exists: false` holds where the field is not given."""
    return leaf.operand is not False or leaf.operator.name not in ("exists", "is_null")


def clause_in_short(clause: Clause, payload: Payload) -> str:
    """For tables: "total $499.00 ≥ $500.00: no"."""
    leaf = _leaf(clause)
    path = leaf.field.path
    value = _count(clause) if leaf.inner else value_in_words(path, clause.value, payload)
    symbol = _SYMBOLS.get(leaf.operator.symbol, leaf.operator.symbol)
    if leaf.operator.name in ("exists", "is_null"):
        asked = symbol if leaf.operand else f"not {symbol}"
    else:
        asked = _members_text(leaf) or f"{symbol} {_operand_in_words(leaf, clause, payload)}"
    return f"{label(path)} {value} {asked}: {'yes' if clause.holds else 'no'}"


def _count(clause: Clause) -> str:
    return f"({len(clause.value)})" if isinstance(clause.value, list) else "(no list)"


def _members_text(leaf: Leaf) -> str:
    return f"{leaf.operator.symbol}: {leaf.inner.text}" if leaf.inner else ""


def _leaf(clause: Clause) -> Leaf:
    if clause.condition.leaf is None:
        raise ValueError("a group is told by its parts")
    return clause.condition.leaf


def change_in_words(change: Change, payload: Payload, zone: tzinfo) -> str:
    """What would have been there, for example "a total of $499.99 ($0.01 less)"."""
    if change.moment is not None:
        return _moment_in_words(change.moment, zone)
    if change.leaf is None:
        return ""
    path, after = change.leaf.field.path, change.after
    if change.counter is not None:
        currency = payload.get("currency") if is_amount(path) else MISSING
        return counter_in_words(change, amount_apart(change.before, after, currency))
    name = label(path)
    if after is MISSING or after is None or after == []:
        return f"no {name}"
    if change.leaf.inner and isinstance(after, list) and isinstance(change.before, list):
        return f"only {len(after)} of the {len(change.before)} {name}"
    members = change.leaf.operand if isinstance(change.leaf.operand, list) else [change.leaf.operand]
    value = value_in_words(path, after, payload)
    if after in OTHER_TEXTS and after not in members:
        example = f" ({value}, for example)" if path.startswith("action.payload.") else ""
        return f"another {name}{example}"
    article = "an" if name[:1].lower() in "aeiou" else "a"
    apart = amount_apart(change.before, after, _currency_at(path, payload) if is_amount(path) else MISSING)
    return f"{article} {name} of {value}" + (f" ({apart})" if apart else "")


def amount_apart(before: Any, after: Any, currency: Any = MISSING) -> str:
    """ "$0.01 less"; empty where the two are no whole numbers. Without `currency` they are plain numbers."""
    if type(before) is not int or type(after) is not int:
        return ""
    size = abs(after - before)
    shown = f"{size:,}" if currency is MISSING else money(size, currency)
    return f"{shown} {'less' if after < before else 'more'}"


def _moment_in_words(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%A, %Y-%m-%d %H:%M:%S} in {zone}"


def would_have(change: Change, payload: Payload, now: datetime, zone: tzinfo) -> str:
    """The whole sentence: with what, and what would have happened then by the same rules."""
    differently = change_in_words(change, payload, zone)
    if change.on_list is not None:
        value = value_in_words("", change.after, payload)
        on = "" if change.on_list else "not "
        return f"If {value} were {on}on the list {change.leaf and change.leaf.operand}, {plan_in_words(change.plan)}."
    if change.moment is None:
        return f"With {differently} {plan_in_words(change.plan)}."
    way = "earlier" if change.moment < now else "later"
    apart = span_text(abs((change.moment - now).total_seconds()))
    because = f", {change.why}," if change.why else ""
    return f"On {differently} ({apart} {way}){because} {plan_in_words(change.plan)}."


def plan_in_words(plan: Plan) -> str:
    """ "it would have been refused by the rule deny-unmatched"."""
    return f"it would have been {ending_in_words(plan)}"


def ending_in_words(plan: Plan) -> str:
    """What such a plan comes to where its gates let it pass, as the end of a sentence."""
    gates = f", if {_names([rule.name for rule in plan.gates])} let it pass" if plan.gates else ""
    if plan.rule is None:
        return f"carried out{gates}"
    refused = plan.verdict in ("deny", "suppress")
    return f"{_verdict(plan)} by the rule {plan.rule.name}{'' if refused else gates}"


def _verdict(plan: Plan) -> str:
    match plan.rule and plan.rule.action:
        case RequestApproval() as action:
            return f"held for approval, at most {span_in_words(action.timeout_seconds)},"
        case Schedule() as action:
            return f"held for {span_in_words(action.delay_seconds)}"
        case Group() as action:
            return f"gathered with others for one call, {span_in_words(action.group_wait_seconds)} after the first,"
        case StartChain() as action:
            return f"given to the chain {action.chain}"
        case Reroute() as action:
            return f"sent to {action.target_provider}"
    return {"allow": "let pass"}.get(plan.verdict, "refused")


def _names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
