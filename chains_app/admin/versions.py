"""The versions of a chain: who made each when, and what it changed, in words and by the lines that differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from acteon_site.admin.yaml_text import write_yaml
from acteon_site.base.differences import changes
from chains_app.models import ChainDefinition, ChainVersion

NEWEST = 20


def versions_html(chain: ChainDefinition) -> SafeString:
    """The newest, each beside the one before it."""
    rows = list(chain.versions.order_by("-number")[: NEWEST + 1])
    shown = [_shown(row, before) for row, before in zip(rows, [*rows[1:], None], strict=True)][:NEWEST]
    return render_to_string("admin/chains_app/parts/versions.html", {"versions": shown, "most": NEWEST})


def _shown(version: ChainVersion, before: ChainVersion | None) -> dict[str, Any]:
    said = changes(before.spec, version.spec) if before else []
    return {"version": version, "first": before is None, "changes": said, "lines": [*_lines(before, version)]}


def _lines(before: ChainVersion | None, after: ChainVersion) -> Iterator[str]:
    """Of their YAML, those that changed, each with a line around it."""
    if before is None:
        return
    old, new = (write_yaml(row.spec).splitlines() for row in (before, after))
    for line in list(difflib.unified_diff(old, new, n=1, lineterm=""))[2:]:
        yield "⋯" if line.startswith("@@") else line
