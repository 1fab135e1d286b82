"""Named lists as answers spell them."""

from __future__ import annotations

from typing import Any

from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from rules_app.lists.stored import entry_in_clear
from rules_app.lists.texts import Preview
from rules_app.models import ListEntry, NamedList
from rules_app.services.list_entries import Changed

MOST_LINES = 100


def list_shape(row: NamedList) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "name": row.name,
        "namespace": row.namespace,
        "tenant": row.tenant,
        "matching": row.matching,
        "description": row.description,
        "entries": row.size,
        "source": row.source,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
    }


def entry_shape(entry: ListEntry) -> dict[str, Any]:
    clear = entry_in_clear(entry)
    return {
        "id": entry.pk,
        "value": clear.value,
        "note": clear.note,
        "added_by": entry.added_by,
        "added_at": rfc3339(entry.added_at),
        "expires_at": rfc3339_or_none(entry.expires_at),
    }


def changed_shape(changed: Changed) -> dict[str, int]:
    return {"added": changed.added, "double": changed.double, "removed": changed.removed}


def preview_shape(found: Preview) -> dict[str, Any]:
    """Counts, and the first lines that are double or bad."""
    return {
        "new": len(found.new),
        "double": len(found.double),
        "bad": len(found.bad),
        "lines": [
            {"line": number, "message": message}
            for number, message in sorted((*found.bad[:MOST_LINES], *found.double[:MOST_LINES]))
        ],
    }
