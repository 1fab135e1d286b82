"""The web process of production, with deadlines that a test can wait for: `python -m … --port 8080`."""

from __future__ import annotations

from acteon_site.serving import protocol, web

SECONDS = 3

if __name__ == "__main__":
    protocol.HEAD_SECONDS = protocol.BODY_SECONDS = SECONDS
    web.IDLE_SECONDS = SECONDS
    web.main()
