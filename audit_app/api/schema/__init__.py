"""The description of this app's views, one file per group; importing it decorates them."""

from audit_app.api.schema import analytics, audit, retention, stream
from audit_app.api.schema.stream import PATHS

__all__ = ["PATHS", "analytics", "audit", "retention", "stream"]
