"""What the tests of the admin pages share: who is signed in, and what is typed and pressed."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

SECRET = "Bearer sk_live_abcdef"


def staff(*codenames: str) -> Client:
    """A signed-in member of staff with these permissions; without any named, with all."""
    user = User.objects.create_user("ann", is_staff=True, is_superuser=not codenames)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def url(model: str, page: str, *args: object) -> str:
    return reverse(f"admin:chains_app_{model}_{page}", args=args)


def errors_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)


def provider_form(**changes: Any) -> dict[str, Any]:
    fields = {
        "name": "stripe",
        "kind": "webhook",
        "enabled": "on",
        "description": "",
        "config": 'url: "https://api.stripe.com/v1/charges"',
        "new_secrets": json.dumps({"headers": {"Authorization": SECRET}}),
        "timeout_seconds": "10",
        "idempotency_window_seconds": "82800",
        "max_concurrent": "50",
    }
    return fields | changes


def add_provider(client: Client, **changes: Any) -> Any:
    return client.post(url("provider", "add"), provider_form(**changes))


def press(client: Client, model: str, button: str, pk: object) -> Any:
    return client.post(url(model, button, pk), {"_form_submitted": "on"})
