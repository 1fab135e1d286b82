"""Cells of lists that would be too wide as they are: shortened, with the whole to see, to hear and to copy."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

SHORT = 8  # characters of an id at its end: those at the beginning are its time, and alike


def id_cell(value: object) -> SafeString | str:
    """An id by its end; a click copies the whole."""
    text = str(value or "")
    if len(text) <= 2 * SHORT:
        return text or "-"
    return format_html(
        '<button type="button" class="gw-id" data-copy-text="{0}" title="{0}: click to copy"'
        ' aria-label="Copy the id {0}">…{1}</button>',
        text,
        text[-SHORT:],
    )


def text_cell(value: object) -> SafeString | str:
    """A name that may be long, cut where the column ends; a pointer over it shows the whole."""
    text = str(value or "")
    return format_html('<span class="gw-cut" title="{0}">{0}</span>', text) if text else "-"


def shop_cell(row: object) -> str:
    return f"{row.tenant} / {row.namespace}"  # type: ignore[attr-defined]
