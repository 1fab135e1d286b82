"""The description of signing in and out."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.access import views
from acteon_site.http.openapi import INTEGER, TEXT, answer, body, operation

extend_schema_view(
    post=operation(
        "Sign in: a token for a person of the admin",
        answer({"token": TEXT, "expires_in": INTEGER}),
        sends=body(
            {
                "username": {"type": "string", "minLength": 1, "maxLength": 150},
                "password": {"type": "string", "minLength": 1, "maxLength": 4096},
            },
            {"code": {"type": "string", "maxLength": 40}},
        ),
        sends_examples={
            "manager": {"username": "maria", "password": "…"},
            "with a second step": {"username": "maria", "password": "…", "code": "123456"},
        },
        examples={"signed in": {"token": "acteontoken_…", "expires_in": 28800}},
        errors=(401, 403, 429),
        is_open=True,
    )
)(views.Login)
extend_schema_view(
    post=operation("Sign out: end the token that the request carries", None, status=204, errors=(413, 415))
)(views.Logout)
extend_schema_view(
    get=operation(
        "The keys that requests are signed with: none",
        answer({"keys": {"type": "array", "maxItems": 0}, "count": INTEGER}),
        examples={"always": {"keys": [], "count": 0}},
        is_open=True,
    )
)(views.SigningKeys)
