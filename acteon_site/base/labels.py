"""An action's metadata as clients send it: texts by name, as they are or below a sole key `labels`. Pure."""

from __future__ import annotations

from typing import Any

from acteon_site.base.errors import FieldProblem


def labels_of(metadata: Any) -> tuple[dict[str, str], list[FieldProblem]]:
    """The texts by name, as rules see them, and what is wrong with them, each at its own field."""
    if metadata is None:
        return {}, []
    if not isinstance(metadata, dict):
        return {}, [FieldProblem("metadata", "must be an object of texts")]
    found, where = metadata, "metadata"
    if set(metadata) == {"labels"} and isinstance(metadata["labels"], dict):
        found, where = metadata["labels"], "metadata.labels"
    wrong = [name for name, value in found.items() if not isinstance(value, str)]
    return dict(found), [FieldProblem(f"{where}.{name}", "must be text") for name in wrong]
