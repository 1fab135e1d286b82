"""POST /v1/rules/reload: read the rule files again. All or nothing, and only below the rules root."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import invalid_field
from acteon_site.config_files.load import Scope, load_paths
from acteon_site.config_files.plan import GONE
from acteon_site.http.endpoint import Endpoint, body_of, caller_of, require_global

log = structlog.get_logger()
SECTIONS = ("rules", "counters", "settings")


class RuleReload(Endpoint):
    """`directory` (default: the whole root) is then all that the root's rules and counters are; settings only change.

    `force: true` overwrites rules that people edited since they were loaded; without it they are a 409.
    """

    heavy_from = 0

    def post(self, request: Request) -> Response:
        require_global(request)
        body = body_of(request)
        root = Path(settings.RULES_ROOT).resolve()
        directory = _directory(root, body.get("directory"))
        report = load_paths(
            [directory],
            actor=caller_of(request).caller_id,
            source=root.name,
            force=_force(body),
            scope=Scope(SECTIONS, prune=("rules", "counters"), inside=root),
        )
        log.info("rules_reloaded", source=report.source, actor=caller_of(request).caller_id)
        loaded = sum(change.section == "rules" and change.what not in GONE for change in report.changes)
        return Response(
            {
                "reloaded": loaded,
                "loaded": loaded,
                "errors": [],
                "directory": str(directory.relative_to(root)),
                "warnings": [warning.as_dict() for warning in report.warnings],
            }
        )


def _directory(root: Path, given: Any) -> Path:
    """The directory itself; one refusal for everything else, so that nobody can feel around outside."""
    try:
        path = (root / (given if given is not None else ".")).resolve()
        if path.is_relative_to(root) and path.is_dir():
            return path
    except (TypeError, OSError, ValueError):  # no text, a link in a circle, a name too long, a NUL in it
        pass
    raise invalid_field("directory", "must name a directory below the rules root")


def _force(body: dict[str, Any]) -> bool:
    force = body.get("force", False)
    if not isinstance(force, bool):
        raise invalid_field("force", "must be true or false")
    return force
