"""Whether a rule that a person edits groups what must not be grouped. Listed in parts.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from acteon_site.base.errors import FieldProblem
from chains_app.definitions import Definition
from chains_app.selectors import definitions
from orders_app.lifecycles.grouped import Claim, group_problems
from orders_app.lifecycles.spec import LifecycleSpec
from orders_app.selectors import lifecycles_current
from rules_app.engine import Rule


def claims_of(lifecycles: Iterable[LifecycleSpec], chains: Iterable[Definition]) -> Iterator[Claim]:
    for spec in lifecycles:
        what = f'the lifecycle "{spec.name}" makes orders'
        yield Claim(what, spec.namespace, spec.tenant, spec.action_type)
    for chain in chains:
        if trigger := chain.trigger:
            what = f'the chain "{chain.name}" carries out'
            yield Claim(what, trigger.namespace, trigger.tenant, trigger.action_type)


def group_rule_problems(rule: Rule) -> list[FieldProblem]:
    chains = (chain.definition for chain in definitions().by_trigger.values())
    return group_problems(rule, claims_of(lifecycles_current(), chains))
