"""Drafts and versions of rules as the API answers them."""

from __future__ import annotations

from typing import Any

from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from rules_app.differences import Difference, revision_of
from rules_app.drafts import ChangeView, DraftView, draft_spec, live_spec
from rules_app.models import RuleDraft, RuleSetVersion


def draft_shape(draft: RuleDraft) -> dict[str, Any]:
    version = getattr(draft, "version", None)
    return {
        "number": draft.pk,
        "name": draft.name,
        "status": draft.status,
        "base_version": draft.base,
        "version": version.number if version else None,
        "reason": draft.reason,
        "editors": draft.editors,
        "created_by": draft.created_by,
        "created_at": rfc3339(draft.created_at),
        "closed_by": draft.closed_by,
        "closed_at": rfc3339_or_none(draft.closed_at),
    }


def whole_draft_shape(view: DraftView) -> dict[str, Any]:
    """With its changes, and the revision by which a publisher says what was reviewed."""
    changes = [_change_shape(one) for one in view.changes]
    return {**draft_shape(view.draft), "revision": view.revision, "changes": changes}


def _change_shape(view: ChangeView) -> dict[str, Any]:
    change = view.change
    return {
        **difference_shape(view.difference),
        "state": view.standing.value,
        "spec": change.spec,
        "base": change.base,
        "live": view.live,
        "revision": revision_of(change.spec),
        "live_revision": view.live_revision,
        "source": view.source,
        "edited_by": change.edited_by,
        "edited_at": rfc3339(change.edited_at),
    }


def difference_shape(found: Difference) -> dict[str, Any]:
    return {
        "rule": found.name,
        "how": found.how,
        "words": [str(said) for said in found.words],
        "diff": list(found.lines),
    }


def drafted_rule_shape(draft: RuleDraft, name: str) -> dict[str, Any]:
    """The rule as the draft has it beside the live one; either may be null."""
    spec, live = draft_spec(draft, name), live_spec(name)
    return {
        "rule": name,
        "spec": spec,
        "revision": revision_of(spec),
        "live": live,
        "live_revision": revision_of(live),
    }


def version_shape(version: RuleSetVersion) -> dict[str, Any]:
    return {
        "number": version.number,
        "cause": version.cause,
        "reason": version.reason,
        "actor": version.actor,
        "draft": version.draft_id,
        "created_at": rfc3339(version.created_at),
    }


def whole_version_shape(version: RuleSetVersion) -> dict[str, Any]:
    """With its rules; `disabled` is null of versions that did not keep them."""
    return {**version_shape(version), **version.content, "disabled": version.disabled}
