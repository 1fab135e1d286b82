"""Template profiles: fields rendered by sandboxed Jinja and merged into a payload before rules run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from acteon_site.base import config_versions
from acteon_site.base.errors import invalid_field
from audit_app.selectors import current_redactor
from orders_app.actions import Action
from orders_app.models import Template, TemplateProfile
from orders_app.rendering import RenderError, names_read, render_text
from orders_app.sandbox.budget import Budget


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates and profiles by namespace, tenant and name; a profile's fields are already texts."""

    texts: Mapping[tuple[str, str, str], str]
    profiles: Mapping[tuple[str, str, str], Mapping[str, str]]


def _load() -> Templates:
    texts = {(row.namespace, row.tenant, row.name): row.content for row in Template.objects.all()}
    profiles = {
        (row.namespace, row.tenant, row.name): {
            name: _text(row, value, texts) for name, value in row.fields.items()
        }
        for row in TemplateProfile.objects.all()
    }
    return Templates(texts, profiles)


def _text(profile: TemplateProfile, value: Any, texts: Mapping[tuple[str, str, str], str]) -> str:
    if isinstance(value, Mapping) and "$ref" in value:
        return texts.get((profile.namespace, profile.tenant, value["$ref"]), "")
    return str(value["inline"] if isinstance(value, Mapping) else value)


_templates = config_versions.ConfigCache(config_versions.TEMPLATES, _load)


def templates() -> Templates:
    return _templates.get()


def action_enrich(action: Action) -> Action:
    """The action with its profile's rendered fields in the payload. Raises 422: unknown profile, failing template.

    A field rendered from a redacted one is redacted too, whatever its name (`tainted`).
    """
    if not action.template:
        return action
    profile = templates().profiles.get((action.namespace, action.tenant, action.template))
    if profile is None:
        raise invalid_field("template", f"no profile is named {action.template!r} here")
    budget = Budget()
    rendered = {name: _rendered(name, text, action, budget) for name, text in profile.items()}
    secret = current_redactor().hides
    tainted = tuple(name for name, text in profile.items() if any(secret(read) for read in names_read(text)))
    return replace(action, payload={**action.payload, **rendered}, tainted=tainted)


def _rendered(name: str, text: str, action: Action, budget: Budget) -> str:
    context = {
        "payload": action.payload,
        **action.payload,
        "action": {"id": action.id, "action_type": action.action_type, "provider": action.provider},
        "namespace": action.namespace,
        "tenant": action.tenant,
        "metadata": action.metadata,
    }
    try:
        return render_text(text, context, budget)
    except RenderError as error:
        raise invalid_field("template", f"field {name!r} cannot be rendered: {error}") from None
