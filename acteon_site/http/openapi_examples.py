"""What the examples of all descriptions share."""

from __future__ import annotations

from acteon_site.http.openapi import SCOPE_NAME

ID = "01a20300-0000-7000-8000-000000000001"
NOW = "2026-03-10T15:00:00.000Z"
BODY_SCOPE = {"namespace": SCOPE_NAME, "tenant": SCOPE_NAME}
SHOWN_SCOPE = {"namespace": "ecommerce", "tenant": "acme-store"}
