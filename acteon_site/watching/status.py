"""GET /status: for uptime checks and status pages, without a key; it says how each part does and nothing more."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.watching.health import OpenEndpoint
from acteon_site.watching.status_parts import DEGRADED, DOWN, OK, parts_state


class Status(OpenEndpoint):
    """200 while orders are accepted, with what is degraded; 503 where they are not."""

    def get(self, request: Request) -> Response:
        parts = dict(part.split("=") for part in parts_state.now().split())
        status = next((word for word in (DOWN, DEGRADED) if word in parts.values()), OK)
        return Response({"status": status, "parts": parts}, status=503 if status == DOWN else 200)
