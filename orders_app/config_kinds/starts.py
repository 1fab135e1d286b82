"""What a load says of lifecycles and chains that no action ever comes to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.kind import Identity, Misfit, Spec, World
from chains_app.config_kinds.chains import definition_of
from chains_app.definitions import Definition
from rules_app.engine.reach import Placed, in_order, stopper


def never_begun(world: World) -> Iterator[Misfit]:
    """Enabled lifecycles and chains to which nothing leads. Disabling one is a person's word, and needs no other."""
    rules = in_order(world["rules"].values())
    for identity, spec in _enabled(world["lifecycles"]).items():
        scope = spec.get("namespace", "*"), spec.get("tenant", "*")
        rule = stopper(rules, *scope, spec["action_type"])
        if rule:
            yield "lifecycles", identity, _stopped(rule, spec["action_type"], "")
    yield from _chains(world, rules)


def _chains(world: World, rules: list[Placed]) -> Iterator[Misfit]:
    chains = {name: chain for (name,), spec in world["chains"].items() if (chain := definition_of(spec))}
    enabled = {name for (name,) in _enabled(world["chains"])}
    named = {
        name
        for placed in rules
        for _, section, name in placed.rule.action.references()
        if section == "chains"
    }
    stopped = {
        name: rule
        for name, chain in chains.items()
        if (trigger := chain.trigger)
        and (rule := stopper(rules, trigger.namespace, trigger.tenant, trigger.action_type))
    }
    triggered = {name for name, chain in chains.items() if chain.trigger} - stopped.keys()
    begun = _with_sub_chains((named | triggered) & enabled, chains)
    for name in sorted(enabled & chains.keys() - begun):
        trigger = chains[name].trigger
        if trigger:
            yield "chains", (name,), _stopped(stopped[name], trigger.action_type, "trigger")
        else:
            text = "it has no trigger, no rule in force starts it, and no chain that starts calls it"
            yield "chains", (name,), FieldProblem("", f"is started by nothing: {text}")


def _with_sub_chains(begun: Collection[str], chains: Mapping[str, Definition]) -> set[str]:
    """These and all that they call, disabled ones too: they still run as sub-chains."""
    found, queue = set(begun), list(begun)
    while queue:
        chain = chains.get(queue.pop())
        new = set(chain.sub_chains) - found if chain else set()
        found |= new
        queue += new
    return found


def _stopped(rule: str, action_type: str, field: str) -> FieldProblem:
    return FieldProblem(field, f'is started by nothing: rule "{rule}" stops every {action_type}')


def _enabled(section: Mapping[Identity, Spec]) -> dict[Identity, Spec]:
    return {identity: spec for identity, spec in section.items() if spec.get("enabled", True)}
