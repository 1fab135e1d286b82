"""What drf-spectacular calls while it describes the API: it loads the apps' descriptions and adds what they add."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from acteon_site.base.registry import Registry


@dataclass(frozen=True, slots=True)
class Description:
    """A module whose import describes an app's views. Its PATHS, where it has any, are those of views that are
    none of DRF's."""

    name: str


DESCRIPTIONS: Registry[Description] = Registry("description of the API")


def load_descriptions(endpoints: list[Any], **_: Any) -> list[Any]:
    """Preprocessing: the descriptions decorate the views, once per process."""
    for module in DESCRIPTIONS:
        import_module(module)
    return endpoints


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing: shared shapes, and the asynchronous views."""
    # Here: every process registers descriptions, and few of them describe anything.
    from acteon_site.http.openapi import components

    paths = dict(result["paths"])
    for module in DESCRIPTIONS:
        paths |= getattr(import_module(module), "PATHS", {})
    result["paths"] = dict(sorted(paths.items()))
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(components())
    return result
