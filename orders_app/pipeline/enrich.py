"""Stage 2, Enrich: the fields of the named template profile, rendered and merged into the payload."""

from __future__ import annotations

from dataclasses import replace

from acteon_site.base.errors import invalid_field
from audit_app.selectors import current_redactor
from orders_app.contract.actions import Action
from orders_app.sandbox.budget import Budget
from orders_app.sandbox.rendering import RenderError, names_read, render_text
from orders_app.selectors import profile_named


def action_enrich(action: Action) -> Action:
    """The action with its profile's rendered fields in the payload. Raises 422: unknown profile, failing template.

    A field rendered from a redacted one is redacted too, whatever its name (`tainted`).
    """
    if not action.template:
        return action
    profile = profile_named(action.namespace, action.tenant, action.template)
    if profile is None:
        raise invalid_field("template", f"no profile is named {action.template!r} here")
    budget = Budget()
    rendered = {name: _rendered(name, text, action, budget) for name, text in profile.items()}
    reads_secret = current_redactor().hides_any
    tainted = tuple(name for name, text in profile.items() if reads_secret(names_read(text)))
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
