"""What has its own end (keys, windows, tokens) and is deleted whatever the retention policies say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from acteon_site.base.registry import Hook, Registry

# `call(now, batch)` deletes at most `batch` rows that are over by `now`, and answers how many.
TIDIES: Registry[Hook[Callable[[datetime, int], int]]] = Registry("tidy")
