"""Rules that group what must not be grouped: an order is carried out by itself, and so is what a chain claims. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acteon_site.base.errors import FieldProblem
from rules_app.engine import Group, Rule
from rules_app.engine.concerned import names_asked


@dataclass(frozen=True, slots=True)
class Claim:
    """`what` makes orders of, or carries out, the actions of this type; `*` claims all."""

    what: str
    namespace: str
    tenant: str
    action_type: str


def group_problems(rule: Rule, claims: Iterable[Claim]) -> list[FieldProblem]:
    """What is known before any action comes: of a rule that names no action type, only what claims every type."""
    if not isinstance(rule.action, Group) or not rule.enabled:
        return []
    asked = names_asked(rule)
    return [
        FieldProblem(
            "action.type", f"groups actions {_which(claim)}, which {claim.what}: it cannot group those"
        )
        for claim in claims
        if _meets(claim, asked)
    ]


def _which(claim: Claim) -> str:
    return "of every type" if claim.action_type == "*" else f'of type "{claim.action_type}"'


def _meets(claim: Claim, asked: Mapping[str, frozenset[str]]) -> bool:
    scope = (("namespace", claim.namespace), ("tenant", claim.tenant))
    if not all(own == "*" or own in asked.get(name, {own}) for name, own in scope):
        return False
    return claim.action_type == "*" or claim.action_type in asked.get("action_type", ())
