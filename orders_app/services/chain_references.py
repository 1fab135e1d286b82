"""What rules, quotas and lifecycles have to do with chains and providers. Listed in parts.py."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from acteon_site.base.errors import FieldProblem
from chains_app.definitions import Definition
from orders_app.lifecycles.chain_states import transition_problems
from orders_app.models import ActionGroup
from orders_app.selectors import lifecycles_stored
from rules_app.models import Quota, Rule
from rules_app.services.rule_sets import rules_lock


class Neighbours:
    """A neighbour as chains_app.references asks it. A disabled rule counts: it may be enabled again."""

    name = "rules, quotas and lifecycles"

    def hold(self) -> None:
        rules_lock()

    def chain_users(self, name: str) -> list[str]:
        return _rules(Rule.objects.filter(action__type="chain", action__chain=name))

    def provider_users(self, name: str) -> list[str]:
        named = Q(action__target_provider=name) | Q(action__notify_provider=name)
        quotas = Quota.objects.filter(Q(provider=name) | Q(overage_target=name))
        counted = quotas.order_by("namespace", "tenant", "provider", "principal")
        waiting = ActionGroup.objects.filter(next_run_at__isnull=False, provider=name).exists()
        groups = ["groups of actions that wait to be sent"] if waiting else []
        return _rules(Rule.objects.filter(named)) + [f"quota {quota}" for quota in counted] + groups

    def definition_problems(self, definition: Definition) -> list[FieldProblem]:
        return transition_problems(definition, lifecycles_stored())


def _rules(rules: Iterable[Rule]) -> list[str]:
    return [f"rule {rule.name}{'' if rule.enabled else ' (disabled)'}" for rule in rules]
