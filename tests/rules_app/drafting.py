"""What editors of drafts do in these tests: look at a rule, and change it."""

from __future__ import annotations

from typing import Any

from rules_app.differences import Spec, revision_of
from rules_app.drafts import draft_get, draft_spec, live_spec
from rules_app.models import RuleDraft
from rules_app.services.drafts import draft_open, draft_put, draft_remove
from tests.rules_app.shop import PLACES_ORDER

HIGH = "approve-high-value"
DENY = "deny-sanctioned-regions"
VOUCHERS: Spec = {
    "name": "allow-vouchers",
    "priority": 0,
    "condition": PLACES_ORDER,
    "action": {"type": "allow"},
}


def begun(name: str = "spring", actor: str = "ann") -> RuleDraft:
    return draft_open(name=name, actor=actor)


def seen_in(draft: RuleDraft, name: str) -> str | None:
    return revision_of(draft_spec(draft, name))


def spec_of(draft: RuleDraft, name: str) -> Spec:
    found = draft_spec(draft, name)
    assert found is not None
    return found


def edit(draft: RuleDraft, name: str, actor: str = "ann", **changes: Any) -> RuleDraft:
    """Change the rule as the draft has it now."""
    spec = {**spec_of(draft, name), **changes}
    return draft_put(number=draft.pk, spec=spec, seen=seen_in(draft, name), actor=actor)


def add(draft: RuleDraft, spec: Spec = VOUCHERS, actor: str = "ann") -> RuleDraft:
    return draft_put(number=draft.pk, spec=spec, seen=None, actor=actor)


def remove(draft: RuleDraft, name: str, actor: str = "ann") -> RuleDraft:
    return draft_remove(number=draft.pk, name=name, seen=seen_in(draft, name), actor=actor)


def live(name: str) -> Spec:
    found = live_spec(name)
    assert found is not None
    return found


def fresh(draft: RuleDraft) -> RuleDraft:
    return draft_get(draft.pk)
