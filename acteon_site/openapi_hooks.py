"""What drf-spectacular calls while it describes the API: it loads the apps' descriptions, and adds the streams."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from acteon_site.openapi import components

DESCRIBED_IN = (
    "acteon_site.schema",
    "audit_app.api.schema",
    "rules_app.api.schema",
    "chains_app.api.schema",
    "orders_app.api.schema",
)


def load_descriptions(endpoints: list[Any], **_: Any) -> list[Any]:
    """Preprocessing: the descriptions decorate the views, once per process."""
    for module in DESCRIBED_IN:
        import_module(module)
    return endpoints


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing: shared shapes, and the asynchronous views, which are none of DRF's."""
    from audit_app.api.schema import STREAM_PATHS

    result["paths"] = dict(sorted({**result["paths"], **STREAM_PATHS}.items()))
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(components())
    return result
