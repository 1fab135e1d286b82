"""An action's metadata as clients send it: texts by name, as they are or below a key `labels`. Pure."""

from __future__ import annotations

from typing import Any

from acteon_site.base.errors import FieldProblem


def labels_of(metadata: Any) -> tuple[dict[str, str], list[FieldProblem]]:
    """The texts by name, as rules see them, and what is wrong with them, each at its own field.

    Texts beside an object `labels` count too, or a rule would miss them; where both name one, `labels` says it.
    """
    if metadata is None:
        return {}, []
    if not isinstance(metadata, dict):
        return {}, [FieldProblem("metadata", "must be an object of texts")]
    labels = metadata.get("labels")
    if not isinstance(labels, dict):
        return dict(metadata), _not_texts(metadata, "metadata")
    beside = {name: value for name, value in metadata.items() if isinstance(value, str)}
    return beside | labels, _not_texts(labels, "metadata.labels")


def _not_texts(found: dict[str, Any], where: str) -> list[FieldProblem]:
    wrong = [name for name, value in found.items() if not isinstance(value, str)]
    return [FieldProblem(f"{where}.{name}", "must be text") for name in wrong]
