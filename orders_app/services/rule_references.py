"""A rule that a person types must name providers and chains that exist, as a loaded one must."""

from __future__ import annotations

from collections.abc import Collection

from acteon_site.base.errors import FieldProblem
from chains_app.models import Provider
from chains_app.selectors import chain_rows
from orders_app.lifecycles.fields import suggestion
from rules_app.engine import RequestApproval, Reroute, Rule, StartChain


def rule_reference_problems(rule: Rule) -> list[FieldProblem]:
    """Asked under the lock that deletions of chains and providers take too, so past every cache."""
    action = rule.action
    if isinstance(action, Reroute):
        return _missing("action.target_provider", action.target_provider, _providers())
    if isinstance(action, RequestApproval):
        return _missing("action.notify_provider", action.notify_provider, _providers())
    if isinstance(action, StartChain):
        return _missing("action.chain", action.chain, set(chain_rows().values_list("name", flat=True)))
    return []


def _providers() -> set[str]:
    return set(Provider.objects.values_list("name", flat=True))


def _missing(field: str, name: str, known: Collection[str]) -> list[FieldProblem]:
    if name in known:
        return []
    return [FieldProblem(field, f"names what does not exist: {name!r}{suggestion(name, tuple(known))}")]
