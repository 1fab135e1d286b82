"""The gateway's Celery app with a task that takes long: `celery --app=tests.acteon_site.serving.slow_app …`."""

from __future__ import annotations

import time
from pathlib import Path

from acteon_site.celery import app

__all__ = ["app"]


@app.task(name="tests.takes_a_minute")
def takes_a_minute(begun: str) -> None:
    Path(begun).touch()
    time.sleep(60)
