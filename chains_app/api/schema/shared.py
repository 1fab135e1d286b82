"""What the descriptions and their examples share."""

from __future__ import annotations

from acteon_site.http.openapi import (
    enum,
)
from chains_app.states import RunStatus, StepStatus

STATUS = enum(*RunStatus.values)
STEP_STATUS = enum(*StepStatus.values)
