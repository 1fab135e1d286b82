"""Every kind of finding by its id, and the functions that look for them. A new one is a line in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from rules_app.checking.finding import Finding
from rules_app.checking.ground import Ground
from rules_app.checking.kinds.clocks import clocks
from rules_app.checking.kinds.conditions import conditions
from rules_app.checking.kinds.effects import effects
from rules_app.checking.kinds.fields import fields
from rules_app.checking.kinds.gates import gates
from rules_app.checking.kinds.groups import groups
from rules_app.checking.kinds.holds import holds
from rules_app.checking.kinds.money import money
from rules_app.checking.kinds.mutes import mutes
from rules_app.checking.kinds.names import names
from rules_app.checking.kinds.open_doors import open_doors
from rules_app.checking.kinds.order import equal_priorities, walked_past
from rules_app.checking.kinds.reach import reach

# What each id means, as programs that read SARIF show it; docs/rules.md has a row for each.
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "invalid": "The file or the rule does not load.",
        "unknown-zone": "A time zone that the tz database does not have.",
        "unknown-name": "A provider, chain, list or counter that does not exist.",
        "never-holds": "A condition, an alternative or a value in it that no action meets.",
        "always-holds": "A condition or clause that is true of every action.",
        "type-mismatch": "A comparison with a type that the lifecycle lets no order have.",
        "field-never-seen": "A payload field that orders do not have.",
        "unreachable": "A rule that no action reaches, because rules above end the search for all that it matches.",
        "gate-without-effect": "A deduplicate or throttle rule that never refuses anything.",
        "equal-priority": "Two rules of one priority that say different things of the same action.",
        "deny-walked-past": "A denial below a rule that accepts some of what it denies.",
        "missing-catch-all": "A namespace in which an unknown action is executed.",
        "hold-outlasts-window": "A hold that is longer than what remembers its action.",
        "grouped-order": "A rule that groups actions of which a lifecycle makes orders.",
        "amount-without-currency": "An amount compared without its currency, where orders come in several.",
        "rule-ended": "A rule whose time in effect is over.",
        "muted-always": "A rule whose time intervals let it send nothing at any time.",
        "mute-without-effect": "A time interval that keeps its rule from nothing.",
        "clock-change": "A time of day that is skipped, or comes twice, when clocks are changed.",
    }
)
CHECKS: Sequence[Callable[[Ground], Iterator[Finding]]] = (
    names,
    conditions,
    fields,
    reach,
    gates,
    equal_priorities,
    walked_past,
    open_doors,
    holds,
    groups,
    money,
    clocks,
    effects,
    mutes,
)
