"""Where rules are published by somebody who has not edited them, as the rule settings say per namespace."""

from __future__ import annotations

from collections.abc import Iterable

from acteon_site.base.errors import AppError, conflict
from rules_app.differences import Spec
from rules_app.models import RuleDraft, RuleSettings

CODE = "SECOND_PERSON"


def asking_namespaces(settings: RuleSettings, specs: Iterable[Spec]) -> list[str]:
    """The namespaces concerned by one of these rules that ask for a second person.

    A rule (or setting) for all concerns every namespace; `*` in the settings asks everywhere.
    """
    asked = set(settings.second_person)
    concerned = {spec.get("namespace", "*") for spec in specs}
    if not asked or not concerned:
        return []
    everywhere = "*" in asked or "*" in concerned
    return sorted(asked if everywhere else asked & concerned)


def require_nobody_else(settings: RuleSettings, specs: Iterable[Spec]) -> None:
    """Raise 409 where a change that goes live at once would need a second person."""
    names = asking_namespaces(settings, specs)
    if names:
        raise _refusal(names, "save it to a draft, and let somebody else publish it")


def require_second_person(
    settings: RuleSettings, specs: Iterable[Spec], draft: RuleDraft, actor: str
) -> None:
    """Raise 409 where who publishes the draft has edited it and somebody else must publish."""
    names = asking_namespaces(settings, specs) if actor in draft.editors else []
    if names:
        raise _refusal(names, "you have edited this draft, so somebody else has to publish it")


def _refusal(names: list[str], advice: str) -> AppError:
    where = "all namespaces" if "*" in names else ", ".join(names)
    return conflict(f"rules for {where} need a second person: {advice}", CODE)
